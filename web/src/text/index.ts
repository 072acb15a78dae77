// The language of the page. Another one is a file of the same form beside en.ts.
import { en } from './en';

export type Text = typeof en;
export const t: Text = en;
