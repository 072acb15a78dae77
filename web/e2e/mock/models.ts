// Models and tokenizers.
import type { Call } from './call';

export function models(call: Call): void {
  const { name } = call;
  if (name === 'inspect')
    return call.json({
      kind: 'autoregressive',
      form: 'torch-zip',
      bytes: 25_593_369,
      parameters: 6_134_978,
      origin: 'trained on ada',
      config: { layers: 30, model_dim: 1024, number_text_tokens: 256, heads: 16, another: 1 },
    });
  if (name === 'sources')
    return call.json([
      {
        name: 'autoregressive',
        about: 'TorToiSe’s autoregressive model',
        licence: 'Apache-2.0',
        target: 'models/tortoise/autoregressive.pth',
        bytes: 1_716_988_501,
        there: true,
      },
      {
        name: 'dvae',
        about: 'turns speech into codes',
        licence: 'Apache-2.0',
        target: 'models/tortoise/dvae.pth',
        bytes: 56_000_000,
        there: false,
      },
      {
        name: 'whisper-base',
        about: 'Whisper base, many languages',
        licence: 'MIT',
        target: 'models/whisper/base',
        bytes: 145_000_000,
        there: false,
      },
    ]);
  return call.json([
    {
      name: 'autoregressive.pth',
      place: 'base',
      path: 'models/tortoise/autoregressive.pth',
      kind: 'autoregressive',
      form: 'torch-zip',
      bytes: 1_716_988_501,
      parameters: 423_000_000,
    },
    {
      name: 'ada_1000.pth',
      place: 'finetune',
      voice: 'ada',
      path: 'models/finetunes/ada_1000.pth',
      kind: 'autoregressive',
      form: 'torch-zip',
      bytes: 1_716_988_501,
      parameters: 423_000_000,
      origin: 'trained on ada',
    },
    {
      name: 'tiny.en',
      place: 'whisper',
      path: 'models/whisper/tiny.en',
      kind: 'whisper',
      form: 'ctranslate2',
      bytes: 78_000_000,
    },
  ]);
}

export function tokenizers(call: Call): void {
  const { name, what } = call;
  if (!name)
    return call.json([
      { name: 'builtin', tokens_in_all: 255 },
      { name: 'ipa', path: 'models/tokenizers/ipa.json', tokens_in_all: 120 },
    ]);
  if (what === 'tokenize')
    return call.json(
      (call.body().texts as unknown as string[]).map((text) => {
        const tokens = text
          .toLowerCase()
          .split(/(\s|th|er|in|ow)/)
          .filter(Boolean)
          .flatMap((part) => (part === ' ' ? ['[SPACE]'] : part.length > 2 ? [...part] : [part]));
        return {
          text,
          cleaned: text.toLowerCase(),
          tokens,
          ids: tokens.map((_, i) => (i * 7) % 255),
          unknown: text.includes('€') ? ['€'] : [],
          dropped: [],
        };
      }),
    );
  return call.json({
    lines: 1952,
    lines_with_unknown: 2,
    characters: 98_000,
    tokens: 51_000,
    characters_per_token: 1.92,
    tokens_used: 190,
    tokens_in_all: 255,
    longest_line: { tokens: 141, where: 'train.txt:12' },
    unknown: [
      {
        character: '€',
        name: 'EURO SIGN',
        count: 2,
        lines: 2,
        examples: ['train.txt:3'],
        suggestion: 'Write it as a word.',
      },
    ],
    dropped: [],
    rewritten: [],
    problems: [],
    sentences: [],
  });
}
