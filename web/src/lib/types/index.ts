// The answers of the HTTP API (docs/openapi.yaml), as far as the page reads them.

export type * from './settings';
export type * from './voices';
export type * from './curation';
export type * from './training';
export type * from './models';
export type * from './studio';
