// Where the reader is.
import { backToPlace } from '../lib/login';
import { link, parseRoute, type Route } from '../lib/route';

export { link, pages, voicePages, type Page } from '../lib/route';

export const route = $state<Route>(parseRoute(typeof location === 'undefined' ? '' : location.hash));

export function startRoute(): void {
  const take = () => Object.assign(route, parseRoute(location.hash));
  backToPlace();
  take();
  addEventListener('hashchange', take);
}

export function go(...parts: string[]): void {
  location.hash = link(...parts);
}
