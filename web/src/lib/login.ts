// To the login, and back to where one was. Who came to it before the page was there has his place kept by public/login.js.
const key = 'testudo.place';

/** `login`: its address. */
export function toLogin(login: string): void {
  try {
    if (location.hash) sessionStorage.setItem(key, location.hash);
  } catch {
    // a browser that keeps nothing
  }
  location.assign(login);
}

/** To be called before the address is read. An address with a place of its own is what was meant. */
export function backToPlace(): void {
  try {
    const place = sessionStorage.getItem(key) ?? '';
    sessionStorage.removeItem(key);
    if (place.startsWith('#/') && !location.hash) history.replaceState(null, '', place);
  } catch {
    // nothing was kept
  }
}
