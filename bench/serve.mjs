// See serve.sh.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';

const [binary, workspace, voice, rounds = '3'] = process.argv.slice(2);
const streams = 200;
const requestsPerSecond = 20;
const pieceBytes = 65536;

// What the pages ask of the stand-in is answered at once, by a process on their own core: a training beside it is slowed
// by its neighbour alone. It sends `bytes` to each stream `perSecond` times a second.
if (binary === 'stand-in') {
  const [, , , bytes, perSecond] = process.argv.map(Number);
  const open = new Set();
  setInterval(() => open.forEach((answer) => answer.write('x'.repeat(bytes))), 1000 / perSecond);
  const answers = http.createServer((request, answer) => {
    if (request.url !== '/api/events') return answer.writeHead(206).end(Buffer.alloc(pieceBytes));
    answer.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    open.add(answer);
    answer.on('close', () => open.delete(answer));
  });
  answers.listen(0, '127.0.0.1', () => console.log(answers.address().port));
  await new Promise(() => {});
}

const server = spawn('taskset', ['-c', '0', binary, '--workspace', workspace, '--json', 'serve', '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const port = await new Promise((done, fail) => {
  let said = '';
  server.stdout.on('data', (piece) => {
    const address = /"address":\s*"([^"]+)"/.exec((said += piece));
    if (address) done(Number(new URL(address[1]).port));
  });
  server.on('exit', (code) => fail(new Error(`the server ended with ${code}`)));
});

const stat = (name) => readFileSync(`/proc/${server.pid}/${name}`, 'utf8');
const memory = () => Number(/VmRSS:\s+(\d+)/.exec(stat('status'))[1]) / 1024;
const processorSeconds = () => {
  const fields = stat('stat').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
const spent = () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
const sleep = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

function ask(method, path, { body, headers = {}, agent, at = port } = {}) {
  return new Promise((done, fail) => {
    const request = http.request({ port: at, method, path, agent, headers }, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('end', () => done({ status: answer.statusCode, bytes: Buffer.concat(pieces) }));
    });
    request.on('error', fail);
    request.end(body);
  });
}
const json = async (...args) => JSON.parse((await ask(...args)).bytes);

const { recordings } = await json('GET', `/api/voices/${voice}/recordings`);
const recording = recordings.sort((a, b) => b.bytes - a.bytes)[0];
const pieces = Math.floor(recording.bytes / pieceBytes);
if (pieces < 2) throw new Error(`${voice} has no recording of more than ${2 * pieceBytes} bytes`);

/** Opens the streams at a server and asks it for pieces of a recording until the answer is called; it tells what came. */
async function pages(at) {
  let told = 0;
  let times = 0;
  let heard = 0;
  const agent = new http.Agent({ keepAlive: true });
  const open = await Promise.all(
    Array.from(
      { length: streams },
      () =>
        new Promise((done, fail) => {
          const request = http.get({ port: at, path: '/api/events' }, (answer) => {
            answer.on('data', (piece) => {
              told += piece.length;
              ++times;
            });
            answer.on('error', () => {});
            done(request);
          });
          request.on('error', fail);
        }),
    ),
  );
  let start = 0;
  const timer = setInterval(async () => {
    start = (start + pieceBytes) % (pieces * pieceBytes);
    const path = `/api/voices/${voice}/recordings/${encodeURIComponent(recording.name)}/audio`;
    const headers = { Range: `bytes=${start}-${start + pieceBytes - 1}` };
    heard += (await ask('GET', path, { headers, agent, at })).bytes.length;
  }, 1000 / requestsPerSecond);
  return () => {
    clearInterval(timer);
    for (const request of open) request.on('error', () => {}).destroy();
    agent.destroy();
    return { told, times, heard };
  };
}

/** Pages as busy as those of `like`, at a stand-in of the server. */
async function pagesElsewhere(like) {
  const bytes = Math.round(like.told / like.times);
  const perSecond = like.times / streams / like.seconds;
  const other = spawn(process.execPath, [process.argv[1], 'stand-in', bytes, perSecond], { stdio: ['ignore', 'pipe', 'inherit'] });
  const at = await new Promise((done) => other.stdout.once('data', (said) => done(Number(said))));
  const leave = await pages(at);
  return () => {
    const came = leave();
    other.kill();
    return came;
  };
}

async function train(arm, open) {
  const leave = await open();
  const [before, served, used] = [memory(), processorSeconds(), spent()];
  let job = await json('POST', '/api/jobs', {
    body: JSON.stringify({ action: 'train', voice }),
    headers: { 'Content-Type': 'application/json' },
  });
  if (!job.id) throw new Error(JSON.stringify(job));
  while (['running', 'waiting', 'queued', 'stopping'].includes(job.state ?? 'running')) {
    await sleep(1);
    job = await json('GET', `/api/jobs/${job.id}`);
  }
  if (job.state !== 'done') throw new Error(JSON.stringify(job));
  const result = { arm, seconds: job.result.seconds, server: processorSeconds() - served, pages: spent() - used };
  return { ...result, before, after: memory(), ...leave() };
}

const runs = [];
for (let round = 0; round < Number(rounds); ++round) {
  runs.push(await train('alone', () => () => ({})));
  console.log(JSON.stringify(runs.at(-1)));
  const busy = await train('pages', () => pages(port));
  runs.push(busy);
  console.log(JSON.stringify(busy));
  runs.push(await train('stand-in', () => pagesElsewhere(busy)));
  console.log(JSON.stringify(runs.at(-1)));
}
server.kill();

const median = (arm, name) => {
  const values = runs.filter((run) => run.arm === arm).map((run) => run[name]);
  values.sort((a, b) => a - b);
  return (values[(values.length - 1) >> 1] + values[values.length >> 1]) / 2;
};
const [alone, beside, neighbour] = ['alone', 'pages', 'stand-in'].map((arm) => median(arm, 'seconds'));
const added = median('pages', 'server') - median('alone', 'server');
const percent = (part, whole) => `${((100 * part) / whole).toFixed(2)} %`;
console.log(`training: ${alone.toFixed(2)} s alone, ${beside.toFixed(2)} s beside the pages, ${neighbour.toFixed(2)} s beside pages of a stand-in`);
console.log(`the server makes it ${percent(beside - neighbour, neighbour)} slower by the clock, and takes ${percent(added, beside)} of the processor`);
