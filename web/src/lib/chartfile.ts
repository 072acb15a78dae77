// A graph as a picture to keep, with the legend that the page shows beside it.
import { drawChart, type ChartOptions, type Colours, type Series } from './chart';
import { markKinds, markShapes, type Mark, type MarkColours, type MarkKind } from './marks';
import type { Shape } from './scene';

export const fileWidth = 1000;

export interface FileOf {
  series: Series[];
  options: ChartOptions;
  marks: Mark[];
  xName: string;
  markNames: Record<MarkKind, string>;
  colours: Colours & { marks: MarkColours };
}

export function fileScene({ series, options, marks, xName, markNames, colours }: FileOf): {
  shapes: Shape[];
  height: number;
} {
  const drawn = drawChart(series, options, fileWidth, 460, colours);
  const legend: Shape[] = [];
  const left = drawn.frame.left;
  let x = left;
  let y = 492;
  const put = (name: string, sign: (x: number, y: number) => Shape) => {
    const width = 44 + name.length * 7;
    if (x > left && x + width > fileWidth - 10) {
      x = left;
      y += 20;
    }
    legend.push(sign(x, y));
    legend.push({ kind: 'text', x: x + 24, y, text: name, colour: colours.text, size: 12, align: 'left' });
    x += width;
  };
  for (const each of series)
    put(each.name, (x1, y1) => ({
      kind: 'rule',
      x1,
      y1,
      x2: x1 + 18,
      y2: y1,
      colour: each.colour,
      width: 2.5,
      ...(each.dash ? { dash: each.dash } : {}),
    }));
  for (const kind of markKinds)
    if (marks.some((mark) => mark.kind === kind))
      put(markNames[kind], (x1, y1) =>
        kind === 'checkpoint'
          ? { kind: 'dot', x: x1 + 9, y: y1, radius: 3.5, fill: colours.marks[kind] }
          : {
              kind: 'rule',
              x1: x1 + 9,
              y1: y1 - 6,
              x2: x1 + 9,
              y2: y1 + (kind === 'epoch' ? 0 : 6),
              colour: colours.marks[kind],
              width: kind === 'skipped' ? 2 : 1,
              ...(kind === 'rate' ? { dash: [6, 4] } : {}),
            },
      );
  const height = y + 18;
  return {
    height,
    shapes: [
      { kind: 'box', x: 0, y: 0, width: fileWidth, height, fill: colours.back },
      { kind: 'text', x: 500, y: 470, text: xName, colour: colours.faint, size: 11, align: 'center' },
      ...markShapes(marks, drawn.frame, colours.marks, null),
      ...drawn.shapes,
      ...legend,
    ],
  };
}
