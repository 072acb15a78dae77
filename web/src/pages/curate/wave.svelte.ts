// The sound of the recording that is shown.
import { at } from '../../lib/api';
import { openWave, type Wave } from '../../lib/pcm';

export class Sound {
  wave = $state.raw<Wave | null>(null);
  failed = $state(false);

  /** To be made while a component is made. */
  constructor(voice: string, recording: () => string, leave: () => void) {
    $effect(() => {
      const name = recording();
      this.wave = null;
      this.failed = false;
      leave();
      if (!name) return;
      let gone = false;
      openWave(`${at('voices', voice, 'recordings', name, 'audio')}?form=wav`).then(
        (opened) => !gone && (this.wave = opened),
        () => !gone && (this.failed = true),
      );
      return () => (gone = true);
    });
  }
}
