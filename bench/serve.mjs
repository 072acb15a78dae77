// See serve.sh.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import http from 'node:http';

const [binary, workspace, voice, rounds = '3'] = process.argv.slice(2);
const streams = 200;
const requestsPerSecond = 20;
const pieceBytes = 65536;

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
const sleep = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

function ask(method, path, { body, headers = {}, agent } = {}) {
  return new Promise((done, fail) => {
    const request = http.request({ port, method, path, agent, headers }, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('end', () => done({ status: answer.statusCode, bytes: Buffer.concat(pieces) }));
    });
    request.on('error', fail);
    request.end(body);
  });
}
const json = async (...args) => JSON.parse((await ask(...args)).bytes);

const recording = (await json('GET', `/api/voices/${voice}/recordings`)).recordings[0].name;

/** Opens the streams and asks for pieces of a recording until the answer is called; it tells how much came. */
async function pages() {
  let told = 0;
  let heard = 0;
  const agent = new http.Agent({ keepAlive: true });
  const open = await Promise.all(
    Array.from(
      { length: streams },
      () =>
        new Promise((done, fail) => {
          const request = http.get({ port, path: '/api/events' }, (answer) => {
            answer.on('data', (piece) => (told += piece.length));
            answer.on('error', () => {});
            done(request);
          });
          request.on('error', fail);
        }),
    ),
  );
  let start = 0;
  const timer = setInterval(async () => {
    start = (start + pieceBytes) % (8 * pieceBytes);
    const path = `/api/voices/${voice}/recordings/${encodeURIComponent(recording)}/audio`;
    heard += (await ask('GET', path, { headers: { Range: `bytes=${start}-${start + pieceBytes - 1}` }, agent })).bytes.length;
  }, 1000 / requestsPerSecond);
  return () => {
    clearInterval(timer);
    for (const request of open) request.on('error', () => {}).destroy();
    agent.destroy();
    return { told, heard };
  };
}

async function train(loaded) {
  const leave = loaded ? await pages() : () => ({});
  const [before, spent] = [memory(), processorSeconds()];
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
  const result = { loaded, seconds: job.result.seconds, server: processorSeconds() - spent, before, after: memory() };
  return { ...result, ...leave() };
}

const runs = [];
for (let round = 0; round < Number(rounds); ++round)
  for (const loaded of [false, true]) {
    runs.push(await train(loaded));
    console.log(JSON.stringify(runs.at(-1)));
  }
const mean = (loaded, name) => {
  const values = runs.filter((run) => run.loaded === loaded).map((run) => run[name]);
  return values.reduce((sum, value) => sum + value, 0) / values.length;
};
const added = mean(true, 'server') - mean(false, 'server');
console.log(`training ${mean(false, 'seconds').toFixed(2)} s alone, ${mean(true, 'seconds').toFixed(2)} s beside the pages`);
console.log(`which cost the server ${added.toFixed(2)} processor seconds: ${((100 * added) / mean(true, 'seconds')).toFixed(2)} % of that time`);
server.kill();
