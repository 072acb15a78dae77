// Files out of what was dropped: also of folders, and of the folders in them.

/** What a browser calls FileSystemEntry, as far as it is needed. */
export interface Entry {
  isFile: boolean;
  isDirectory: boolean;
  name: string;
  file?(done: (file: File) => void, failed: (error: unknown) => void): void;
  createReader?(): { readEntries(done: (entries: Entry[]) => void, failed: (error: unknown) => void): void };
}

const endings =
  /\.(wav|wave|flac|mp3|ogg|oga|opus|m4a|aac|webm|mp4|mkv|mov|avi|aif|aiff|wma|g722|txt|srt|vtt|lab)$/i;

/** Of a folder only what can be a recording or a text: the rest was not chosen by name. */
export const fitsFolder = (name: string): boolean => endings.test(name) && !name.startsWith('.');

export async function filesIn(entries: Entry[]): Promise<File[]> {
  const out: File[] = [];
  for (const entry of entries) {
    if (entry.isFile) out.push(await fileOf(entry));
    else if (entry.isDirectory)
      for (const file of await filesIn((await childrenOf(entry)).filter(wanted))) out.push(file);
  }
  return out;
}

const wanted = (entry: Entry) => entry.isDirectory || fitsFolder(entry.name);

const fileOf = (entry: Entry) => new Promise<File>((done, failed) => entry.file!(done, failed));

async function childrenOf(folder: Entry): Promise<Entry[]> {
  const reader = folder.createReader!();
  const out: Entry[] = [];
  for (;;) {
    // A hundred at a time, until none are left.
    const some = await new Promise<Entry[]>((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return out.sort((a, b) => a.name.localeCompare(b.name));
    out.push(...some);
  }
}
