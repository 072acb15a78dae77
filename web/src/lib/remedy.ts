// The program's remedies speak to a terminal. The page says them as what is done in it: a command becomes the page or the
// button that does the same, a flag the name of its field. What the page has no counterpart of stays as it is.
import { t } from '../text';

interface Place {
  page: string;
  control?: string;
}

const { pages } = t;
const verbs: Record<string, Place> = {
  configure: { page: pages.configure },
  prepare: { page: pages.prepare },
  transcribe: { page: pages.prepare },
  diarize: { page: pages.prepare },
  slice: { page: pages.prepare },
  dataset: { page: pages.prepare },
  models: { page: pages.models },
  tokenizer: { page: pages.tokenizer },
  train: { page: pages.train },
  graphs: { page: pages.train },
  resume: { page: pages.train, control: t.train.resume },
  queue: { page: pages.train, control: t.queue.title },
  states: { page: pages.configure, control: t.configure.resume },
  validate: { page: pages.configure, control: t.configure.validate },
  doctor: { page: pages.settings, control: t.settings.check },
};
// Of `testudo dataset VERB`; what is none of these is a voice. null: only a terminal does it.
const curating: Record<string, Place | null> = {
  ...Object.fromEntries(
    ['show', 'edit', 'split', 'merge', 'move-boundary', 'delete', 'accept', 'undo', 'redo', 'hear'].map(
      (verb) => [verb, { page: pages.curate }],
    ),
  ),
  history: { page: pages.curate, control: t.curate.history },
  import: null,
  export: null,
};
const flags: Record<string, string> = {
  '--epochs': t.train.upTo,
  '--text-tokens': t.models.tokens,
  '--tokenizer-json': t.remedy.tokenizer,
};

function placeOf(words: string[]): Place | null {
  const [verb = '', next = ''] = words;
  if (words.includes('--help')) return null;
  const sub = verb === 'dataset' ? curating[next] : undefined;
  return sub === undefined ? (verbs[verb] ?? null) : sub;
}

/** What is chosen there: names of models, and flags that are fields. */
function details(words: string[]): string {
  const fetched = words[0] === 'models' && words[1] === 'pull';
  const out: string[] = [];
  for (const [i, word] of words.entries()) {
    const field = flags[word];
    if (field) out.push(`${t.remedy.quoted(field)} ${words[i + 1] ?? ''}`.trim());
    else if (fetched && i > 1 && !word.startsWith('--')) out.push(word);
  }
  return out.join(', ');
}

const command = new RegExp(
  `(\\(|,? with:? |,? by |: )?(?:\`testudo ([^\`]+)\`|\\btestudo ((?:${Object.keys(verbs).join('|')})\\b[^.;,()]*(?:\\.\\w[^.;,()]*)*))`,
  'g',
);

function commands(text: string): string {
  let before = '';
  return text.replace(command, (all: string, lead = '', quoted = '', bare = '', from: number) => {
    const words = String(quoted || bare)
      .trim()
      .split(/\s+/);
    const place = placeOf(words);
    if (!place) return all;
    const { page, control } = place;
    const name = control ? t.remedy.controlAt(control, page) : t.remedy.quoted(page);
    const again = name === before; // named just now
    before = name;
    const chosen = details(words);
    const more = chosen && ` (${chosen})`;
    if (lead === '(') return `(${t.remedy.at(name)}${chosen && `: ${chosen}`}`;
    if (lead === '') return name + more;
    const where = control
      ? t.remedy.with(name)
      : again
        ? t.remedy.there
        : lead.includes('by')
          ? t.remedy.from(name)
          : t.remedy.at(name);
    return `${/\bfirst$/.test(text.slice(0, from)) && lead === ': ' ? ', ' : ' '}${where}${more}`;
  });
}

// Sentences about flags.
const r = t.remedy;
const phrases: [RegExp, string][] = [
  [
    /Run it without --offline \(or TESTUDO_OFFLINE\), or name a folder that has the file with `testudo models pull --from` \(or TESTUDO_MODELS_FROM\)/,
    r.notOffline,
  ],
  [/use --from with a folder or mirror( that has the file)?/, r.modelsFrom],
  [/use another mirror with --from/, r.anotherMirror],
  [/run the command again/, r.tryAgain],
  [/(?:replace it with|add) --overwrite(?![-\w])/, r.tick(t.models.overwrite)],
  [/another --name\b/, r.anotherName],
  [/use --force to replace it/, r.replaceBy(t.models.fetchAgain)],
  [/Give --to (a|the) name/, r.giveName],
  [/: --(?:character|time)\b/, ''],
  [/a larger --size/, r.more(t.tokenizer.size)],
  [/with --device (\w+(?::\d+)?)/, r.device],
  [/with --language/, r.as(t.tokenizer.language)],
  [/with --diarize/, r.with(r.quoted(t.prepare.diarize))],
  [/with --overwrite-corrections/, r.with(r.quoted(r.overwriteCorrections))],
  [/as --tokenizer-json/, r.as(r.tokenizer)],
  [/Leave --import out/, r.leaveOut(t.configure.import)],
];

export const remedy = (text: string): string =>
  commands(phrases.reduce((told, [terminal, page]) => told.replace(terminal, page), text));
