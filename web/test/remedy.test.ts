import { describe, expect, test } from 'vitest';
import { remedy } from '../src/lib/remedy';

// Remedies as the program writes them, and as the page says them.
const said: [string, string][] = [
  [
    'Correct it, or write the configuration again with `testudo configure`.',
    'Correct it, or write the configuration again at “Configure”.',
  ],
  ['Write one with `testudo configure`.', 'Write one at “Configure”.'],
  [
    'Choose another .state file, or train anew from its model with `testudo configure`.',
    'Choose another .state file, or train anew from its model at “Configure”.',
  ],
  ['Transcribe the voice first: `testudo transcribe empty`.', 'Transcribe the voice first, at “Prepare”.'],
  [
    "Transcribe the voice first: `testudo transcribe 'brand new'`, or import texts.",
    'Transcribe the voice first, at “Prepare”, or import texts.',
  ],
  ['Make the dataset first: testudo prepare ada', 'Make the dataset first, at “Prepare”'],
  ['Make the dataset first: `testudo prepare ada`.', 'Make the dataset first, at “Prepare”.'],
  ['List them first: `testudo dataset ada`.', 'List them first, at “Prepare”.'],
  [
    'Write the lines in phonemes first with `testudo dataset ada --tokenizer-json ipa.json`, or choose another name.',
    'Write the lines in phonemes first at “Prepare” (“Tokenizer” ipa.json), or choose another name.',
  ],
  ['See `testudo queue list`.', 'See “Queue” at “Train”.'],
  [
    'Fetch one (`testudo models pull whisper-base`), or give the folder or .pt file of one.',
    'Fetch one (at “Models”: whisper-base), or give the folder or .pt file of one.',
  ],
  ['Fetch one with: testudo models pull whisper-base.en', 'Fetch one at “Models” (whisper-base.en)'],
  [
    'Keep one .pth, .pt, .bin or .safetensors there, e.g. by `testudo models pull`.',
    'Keep one .pth, .pt, .bin or .safetensors there, e.g. from “Models”.',
  ],
  [
    "Fetch TorToiSe's models with `testudo models pull`, make small random ones with `testudo models init`, or name another file.",
    "Fetch TorToiSe's models at “Models”, make small random ones there, or name another file.",
  ],
  [
    'Fetch one with `testudo models pull`, or give the path of a model folder, .pt or ggml file.',
    'Fetch one at “Models”, or give the path of a model folder, .pt or ggml file.',
  ],
  ['See which there are with: testudo models list', 'See which there are at “Models”'],
  [
    'Put the file there, make one with `testudo tokenizer train`, or leave the tokenizer empty for the built-in one.',
    'Put the file there, make one at “Tokenizer”, or leave the tokenizer empty for the built-in one.',
  ],
  [
    'use a vocabulary of this language, or make one: testudo tokenizer train VOICE',
    'use a vocabulary of this language, or make one at “Tokenizer”',
  ],
  [
    'Rewrite those in whisper.json, or give a larger --size and a model made for it (testudo models init --text-tokens).',
    'Rewrite those in whisper.json, or give more “Tokens” and a model made for it (at “Models”: “Entries of the vocabulary”).',
  ],
  ['Start a training with `testudo train ada`.', 'Start a training at “Train”.'],
  [
    'Look at that machine, then go on with `testudo resume`: the last checkpoint is whole.',
    'Look at that machine, then go on with “Resume” at “Train”: the last checkpoint is whole.',
  ],
  [
    'To go on, ask for more epochs in all: testudo resume ada --epochs 100',
    'To go on, ask for more epochs in all with “Resume” at “Train” (“up to epoch” 100)',
  ],
  ['Choose one of `testudo states ada`.', 'Choose one of “Resume state” at “Configure”.'],
  ['`testudo validate ada` says how many can be kept', '“Validate” at “Configure” says how many can be kept'],
  ['Choose cpu, or see `testudo doctor`.', 'Choose cpu, or see “Check” at “Settings”.'],
  ['See `testudo dataset show ada` for the ids there are.', 'See “Curate” for the ids there are.'],
  ['Give it one first: `testudo dataset edit`.', 'Give it one first, at “Curate”.'],
  ['See `testudo dataset history ada`.', 'See “History” at “Curate”.'],
];

describe('a remedy', () => {
  test.each(said)('%s', (terminal, page) => {
    expect(remedy(terminal)).toBe(page);
    expect(remedy(page)).toBe(page); // said once more
  });

  test.each([
    [
      'Choose another --name, or replace it with --overwrite.',
      'Choose another name, or tick “Overwrite a file of that name”.',
    ],
    [
      'Choose another name, or add --overwrite.',
      'Choose another name, or tick “Overwrite a file of that name”.',
    ],
    [
      'Check the connection (or use --from with a folder or mirror) and run the command again: it goes on where it ended.',
      'Check the connection (or name a folder or mirror as “Models from” at “Settings”) and try again: it goes on where it ended.',
    ],
    [
      'Check the connection, or use --from with a folder or mirror that has the file.',
      'Check the connection, or name a folder or mirror that has the file as “Models from” at “Settings”.',
    ],
    [
      'Run it without --offline (or TESTUDO_OFFLINE), or name a folder that has the file with `testudo models pull --from` (or TESTUDO_MODELS_FROM).',
      'Switch “Offline” off at “Settings”, or name a folder that has the file as “Models from” there.',
    ],
    ['Move it away, or use --force to replace it.', 'Move it away, or replace it with “Fetch again”.'],
    [
      'Lower gpus in train.yaml, or train on the CPU with --device cpu.',
      'Lower gpus in train.yaml, or train on the CPU with “Device” cpu at “Settings”.',
    ],
    ['Give one with --language, such as es.', 'Give one as “Language”, such as es.'],
    [
      'Give --to a name such as models/tokenizers/spanish.json.',
      'Give a name such as models/tokenizers/spanish.json.',
    ],
    [
      'Transcribe again with --diarize, or leave keep_speaker empty.',
      'Transcribe again with “Tell speakers apart”, or leave keep_speaker empty.',
    ],
    ['Give the time, too: --time.', 'Give the time, too.'],
  ])('with a flag: %s', (terminal, page) => expect(remedy(terminal)).toBe(page));

  test.each([
    'Another program may use the port: choose another with --port; --host must be an address.',
    'Give your user permission to write there, or choose another folder with --workspace.',
    'See `testudo hear --help`.',
    'Export it with `testudo dataset export ada --format srt`.',
    'Free some space.',
    '',
  ])('that the page has no counterpart of stays: %s', (text) => expect(remedy(text)).toBe(text));
});
