// The small world of the stand-in server.
import type { Columns, Metrics, Schemas, Segment, Setting, Statistics } from '../../src/lib/types';

const sentences = [
  'It was, he said, a good idea.',
  'The next day she went to the market and bought a basket of apples.',
  'Nobody had expected the rain to last for three weeks.',
  'Prosecutors have opened a massive investigation into allegations of fixing games.',
  'Yes.',
  'There is a quiet street behind the station where the old cinema used to be.',
  'What would you do if you could not fail?',
];

export function segmentsOf(count: number): Segment[] {
  return Array.from({ length: count }, (_, i) => {
    const recording = i < count * 0.75 ? 'talk.wav' : 'interview.flac';
    const start = (i < count * 0.75 ? i : i - count * 0.75) * 2.4;
    const text = ` ${sentences[i % sentences.length]!}`;
    const words = text.trim().split(' ');
    const step = 2.3 / words.length;
    const doubtful = i % 31 === 3;
    return {
      recording,
      segment: i,
      start,
      end: start + 2.3,
      text,
      verdict: doubtful ? 'doubtful' : i % 113 === 7 ? 'rejected' : 'good',
      accepted: i % 17 === 0,
      reasons: doubtful ? ['heard again, it differs: “It was he said a good idea”'] : [],
      scores: {
        seconds: 2.3,
        character_error_rate: (i * 37) % 100 < 8 ? 0.21 : 0.02,
        snr: 20 + ((i * 7) % 25),
        loudness: -22 - ((i * 3) % 7),
      },
      words: words.map((word, k) => ({
        word: ` ${word}`,
        start: start + k * step,
        end: start + (k + 1) * step,
        probability: (i + k) % 9 === 0 ? 0.4 : 0.95,
      })),
    };
  });
}

export function metricsOf(count: number, seed: number): Metrics {
  const noise = (i: number) => Math.sin(i * 12.9898 * seed + 78.233) * 0.5 + Math.sin(i * 4.137 * seed) * 0.5;
  const it = Array.from({ length: count }, (_, i) => i + 1);
  const text = it.map((i) => 3.6 * Math.exp(-i / (260 * seed)) + 2.1 + noise(i) * 0.12);
  const mel = it.map((i) => 3.1 * Math.exp(-i / (400 * seed)) + 1.4 + noise(i + 50) * 0.16);
  const steps: Columns = {
    it,
    epoch: it.map((i) => Math.ceil(i / 15)),
    step: it.map((i) => ((i - 1) % 15) + 1),
    steps: it.map(() => 15),
    time: it.map((i) => 1_795_500_000 + i * 4.2),
    loss_text_ce: text,
    loss_mel_ce: mel,
    loss_gpt_total: it.map((_, i) => text[i]! * 0.01 + mel[i]!),
    lr: it.map((i) => 1e-5 * 0.5 ** Math.floor(i / 400)),
    iteration_seconds: it.map((i) => 4 + noise(i)),
    grad_norm: it.map((i) => 1.2 + Math.abs(noise(i * 3)) * 2 * Math.exp(-i / 900)),
  };
  const at = it.filter((i) => i % 150 === 0);
  const validation: Columns = {
    it: at,
    epoch: at.map((i) => i / 15),
    time: at.map((i) => 1_795_500_000 + i * 4.2),
    loss_text_ce: at.map((i) => text[i - 1]! + 0.15),
    loss_mel_ce: at.map((i) => mel[i - 1]! + 0.22 + i / 9000),
    loss_gpt_total: at.map((i) => mel[i - 1]! + 0.25 + i / 9000),
  };
  return { steps, validation, next: 1, milestones: [] };
}

const histogram = (low: number, width: number, counts: number[]) => ({
  values: 1952,
  least: low,
  median: low + width * 4,
  mean: low + width * 4.2,
  most: low + width * counts.length,
  low,
  width,
  counts,
});
export const statistics: Statistics = {
  train_lines: 1912,
  validation_lines: 40,
  seconds: 9240,
  speech_share: 0.91,
  length: histogram(0, 1, [4, 40, 190, 320, 410, 380, 260, 170, 90, 50, 21]),
  characters_per_second: histogram(6, 1, [3, 8, 30, 90, 210, 380, 460, 390, 200, 110, 40, 20, 6]),
  loudness: histogram(-30, 1, [2, 11, 60, 240, 520, 610, 310, 140, 40, 14]),
  snr: histogram(10, 5, [12, 66, 240, 600, 700, 260, 74]),
  tokens: histogram(0, 20, [120, 520, 610, 430, 190, 66, 16]),
  unknown_characters: { '€': 2 },
  lost: { 'over 11.61 s': { count: 4, seconds: 52 }, 'no text': { count: 9, seconds: 29 } },
  seconds_lost: 81,
};

const setting = (
  key: string,
  label: string,
  type: Setting['type'],
  value: Setting['default'],
  help: string,
  more: Partial<Setting> = {},
): Setting => ({ key, label, type, default: value, help, advanced: false, ...more });
export const schemas: Schemas = {
  dataset: [
    setting(
      'language',
      'Language',
      'text',
      '',
      'Code of the language spoken, e.g. en; empty: detect it. A wrong code makes Whisper translate.',
    ),
    setting(
      'validation_text_length',
      'Validation text length threshold',
      'integer',
      12,
      'Lines with a shorter text are used for validation; 0: none.',
      { unit: 'characters', min: 0 },
    ),
    setting(
      'validation_audio_length',
      'Validation audio length threshold',
      'number',
      1,
      'Lines with a shorter clip are used for validation; 0: none.',
      { unit: 's', min: 0 },
    ),
    setting(
      'skip_existing',
      'Skip already transcribed',
      'boolean',
      false,
      'Leave recordings alone that whisper.json already holds.',
    ),
    setting('slice', 'Slice segments', 'boolean', false, 'Cut every recording by its segments.'),
    setting(
      'trim_silence',
      'Trim silence',
      'boolean',
      true,
      'Trim what is not speech at the ends of each slice.',
    ),
    setting('slice_start_offset', 'Slice start offset', 'number', 0, 'Added to the start of every slice.', {
      unit: 's',
      min: -60,
      max: 60,
    }),
    setting('slice_end_offset', 'Slice end offset', 'number', 0, 'Added to the end of every slice.', {
      unit: 's',
      min: -60,
      max: 60,
    }),
    setting(
      'check_slices',
      'Check slices',
      'boolean',
      true,
      'Transcribe every slice again and compare: what differs is marked doubtful.',
    ),
    setting(
      'whisper_model',
      'Whisper model',
      'text',
      'base',
      'tiny, base, small, medium, large, turbo, …, or the path of a model.',
    ),
    setting(
      'whisper_backend',
      'Whisper backend',
      'text',
      'openai/whisper',
      'The program whose transcription rules are followed.',
      { choices: ['openai/whisper', 'whispercpp', 'whisperx'], advanced: true },
    ),
    setting('diarize', 'Tell speakers apart', 'boolean', false, 'Find out who speaks in each segment.'),
    setting(
      'beam_size',
      'Beam size',
      'integer',
      0,
      'Texts followed side by side; 0: the likeliest token alone.',
      { min: 0, max: 16, advanced: true },
    ),
  ],
  training: [
    setting('voice', 'Voice', 'text', '', 'Folder of training/ to train.'),
    setting('epochs', 'Epochs', 'integer', 500, 'How many times every line of the dataset is trained on.', {
      min: 1,
      max: 1000000,
    }),
    setting(
      'learning_rate',
      'Learning rate',
      'number',
      0.00001,
      'How far a step moves the weights. 1e-5 is safe; 1e-4 is fast but may fry the model.',
      { min: 0, max: 1 },
    ),
    setting(
      'text_lr_weight',
      'Text LR weight',
      'number',
      0.01,
      'Weight of the text loss: 0.01 for English, 1 to teach another language.',
      { min: 0, max: 100 },
    ),
    setting('mel_lr_weight', 'Mel LR weight', 'number', 1, 'Weight of the speech loss.', {
      min: 0,
      max: 100,
    }),
    setting(
      'learning_rate_scheme',
      'Learning rate scheme',
      'text',
      'MultiStepLR',
      'Falling in steps, or in cosine arcs that restart.',
      { choices: ['MultiStepLR', 'CosineAnnealingLR_Restart'] },
    ),
    setting(
      'learning_rate_schedule',
      'Learning rate schedule',
      'numbers',
      [2, 4, 9, 18, 25, 33, 50],
      'MultiStepLR: the epochs at which the learning rate is multiplied by gamma.',
      { unit: 'epochs' },
    ),
    setting(
      'learning_rate_restarts',
      'Learning rate restarts',
      'integer',
      4,
      'How often the arc starts again, each time lower.',
      { min: 1, max: 1000 },
    ),
    setting(
      'batch_size',
      'Batch size',
      'integer',
      128,
      'Clips a step learns from; larger than the dataset means all of it.',
      { unit: 'clips', min: 1, max: 65536 },
    ),
    setting(
      'gradient_accumulation_size',
      'Gradient accumulation size',
      'integer',
      4,
      'Parts a batch is computed in, to need less memory.',
      { unit: 'parts', min: 1 },
    ),
    setting(
      'save_rate',
      'Save frequency',
      'number',
      5,
      'How often a checkpoint is written; fractions are allowed.',
      { unit: 'epochs', min: 0.0001 },
    ),
    setting(
      'validation_rate',
      'Validation frequency',
      'number',
      5,
      'How often the validation lines are tried.',
      { unit: 'epochs', min: 0.0001 },
    ),
    setting(
      'validation_enabled',
      'Validation',
      'boolean',
      true,
      'Measure the loss over validation.txt during training.',
    ),
    setting('source_model', 'Source model', 'text', '', 'Autoregressive model to start from.'),
    setting('resume_state', 'Resume state', 'text', '', 'A .state file to go on from, or latest.'),
    setting('tokenizer_json', 'Tokenizer JSON', 'text', '', 'Vocabulary of the text.'),
    setting(
      'keep_states',
      'Keep X previous states',
      'integer',
      0,
      'Keep only so many checkpoints; 0 keeps all.',
      { min: 0 },
    ),
    setting('ema', 'EMA', 'boolean', false, 'Also keep a moving average of the weights.'),
    setting(
      'objective',
      'Objective',
      'text',
      'consistent',
      'consistent: what generation uses; dlas: the original’s.',
      { choices: ['consistent', 'dlas'], advanced: true },
    ),
    setting('dropout', 'Dropout', 'number', 0.1, 'Share of activations left out in training.', {
      min: 0,
      max: 0.9,
      advanced: true,
    }),
  ],
  app: [
    setting('source_model', 'Default model', 'text', '', 'The model that new trainings start from.'),
    setting('tokenizer_json', 'Default tokenizer', 'text', '', 'Vocabulary of new configurations.'),
    setting('device', 'Device', 'text', 'auto', 'What jobs compute on: auto, cpu, cuda.'),
    setting('offline', 'Offline', 'boolean', false, 'Fetch nothing from the network.'),
  ],
  presets: [
    {
      name: 'suggested',
      label: 'Suggested',
      help: 'Robust for small and large datasets.',
      values: { epochs: 50, learning_rate: 0.0001 },
    },
    {
      name: 'accurate',
      label: 'Accurate',
      help: 'Slow and careful.',
      values: { learning_rate: 0.00001, epochs: 500 },
    },
  ],
};
