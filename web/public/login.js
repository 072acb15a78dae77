// Where somebody wanted to go stays in the address that leads to the login: the page goes on there afterwards (lib/login.ts).
try {
  if (location.hash) sessionStorage.setItem('testudo.place', location.hash);
} catch {}
