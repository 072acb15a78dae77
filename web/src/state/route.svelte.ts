// Where the reader is.
import { link, parseRoute, type Route } from '../lib/route';

export { link, pages, voicePages, type Page } from '../lib/route';

export const route = $state<Route>(parseRoute(typeof location === 'undefined' ? '' : location.hash));

export function startRoute(): void {
  addEventListener('hashchange', () => Object.assign(route, parseRoute(location.hash)));
}

export function go(...parts: string[]): void {
  location.hash = link(...parts);
}
