// The token, the page that asks for it (as src/server/guard.cpp writes it), and what makes the server forget a browser.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyOf } from './call';

const page = (problem: string) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Testudo: log in</title>
    <link rel="icon" href="icon.svg" type="image/svg+xml">
    <link rel="stylesheet" href="login.css">
    <script src="theme.js"></script>
    <script src="login.js"></script>
  </head>
  <body>
    <main>
      <h1><img src="icon.svg" alt="" width="32" height="32">Testudo</h1>
      ${problem && `<p class="problem" role="alert">${problem}</p>`}
      <form method="post" action="/login">
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" autofocus required aria-describedby="help">
        <p class="help" id="help">The server printed it when it started.</p>
        <button>Log in</button>
      </form>
    </main>
  </body>
</html>
`;

/** Answers what concerns the token; true if it did. */
export async function guard(
  token: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const show = (status: number, problem: string) => {
    response.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
    response.end(page(problem));
  };
  if (path === '/login' && request.method === 'POST') {
    const given = new URLSearchParams((await bodyOf(request)).toString()).get('token');
    if (given !== token) show(401, 'This is not the token.');
    else
      response.writeHead(303, { Location: '/', 'Set-Cookie': `mock_token=${token}; Path=/; HttpOnly` }).end();
    return true;
  }
  if (path === '/login') {
    show(200, '');
    return true;
  }
  if (path === '/logout' && request.method === 'POST') {
    response.writeHead(204, { 'Set-Cookie': 'mock_token=; Path=/; HttpOnly; Max-Age=0' }).end();
    return true;
  }
  if (!token || request.headers.cookie?.includes(`mock_token=${token}`)) return false;
  if (path === '/') {
    response.writeHead(303, { Location: '/login' }).end();
    return true;
  }
  if (!path.startsWith('/api/')) return false;
  response.writeHead(401, { 'Content-Type': 'application/json' });
  response.end(
    JSON.stringify({ error: { what: 'the token is missing or wrong', hint: '', kind: 'unauthorized' } }),
  );
  return true;
}
