// What the tests of Curate have in common.
import type { Segment } from '../src/lib/types';
import type { Stage } from './stage';

export function curating(stage: Stage) {
  const selected = () => stage.page.locator('.segment.selected');
  return {
    ready: async () => {
      await stage.page.waitForSelector('.segment.selected');
      await stage.page.waitForSelector('canvas.main');
    },
    selected,
    text: () => selected().locator('.text').innerText(),
    find: (id: number) => stage.mock.segments.find((each) => each.segment === id)!,
    /** Another tab, or an editor, changes a segment. */
    elsewhere: (id: number, change: Partial<Segment>) => {
      const { mock } = stage;
      mock.segments = mock.segments.map((each) => (each.segment === id ? { ...each, ...change } : each));
      mock.digest++;
    },
  };
}
