// Run by zombienet (`js-script`): starts a worker against the node, waits until it is bonded and registered, submits a
// job with the command line, and waits until the worker has computed a batch and sealed its result on chain. Returns 1 if
// all of that happened. SUNGRID_GUESTS is the folder that guests/build fills (default: target/guests).
const { execFileSync, spawn } = require('node:child_process');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

async function run(nodeName, networkInfo) {
  const { wsUri } = networkInfo.nodesByName[nodeName];
  const folder = mkdtempSync(join(tmpdir(), 'sungrid-worker-'));
  const api = await zombie.connect(wsUri);
  let worker, requester;
  try {
    const init = ['init', '--node', wsUri, '--operator', '//Charlie', '--jurisdiction', 'DE', '--plain-key', '--idle', 'always'];
    execFileSync('sungrid-worker', [...init, '--data-dir', join(folder, 'worker')]);
    worker = start('sungrid-worker', ['run', '--data-dir', join(folder, 'worker')]);

    await Promise.race([until(api, async () => (await api.query.workers.workers.keys()).length === 1), worker.died]);
    const [key] = await api.query.workers.workers.keys();
    const record = (await api.query.workers.workers(key.args[0])).toJSON();
    if (!(BigInt(record.bond) > 0n)) throw new Error(`the worker has no bond: ${JSON.stringify(record)}`);

    const guest = join(process.env.SUNGRID_GUESTS ?? join(__dirname, '..', 'target', 'guests'), 'hello-rust.wasm');
    requester = start('sungrid', [
      ...['--node', wsUri, '--key', '//Alice', '--data-dir', join(folder, 'requester'), '--json'],
      ...['job', 'submit', '--units', '4', '--batch-size', '1', '--image', guest],
    ]);
    const sealed = async () =>
      (await api.query.system.events()).some(({ event }) => event.section === 'verification' && event.method === 'Committed');
    await Promise.race([until(api, sealed), worker.died, requester.died]);
    return 1;
  } finally {
    for (const child of [requester, worker]) await child?.stop();
    rmSync(folder, { recursive: true, force: true });
    await api.disconnect();
  }
}

// A child process that can be awaited and stopped.
function start(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const died = ended.then((code) => Promise.reject(new Error(`${program} ended with ${code}`)));
  died.catch(() => {});
  return { died, stop: () => (child.exitCode === null && child.kill('SIGTERM'), ended) };
}

// Resolves at the first new block at which `holds` is true.
function until(api, holds) {
  return new Promise((resolve, reject) => {
    const stop = api.rpc.chain.subscribeNewHeads(() => {
      holds()
        .then((yes) => yes && stop.then((unsubscribe) => (unsubscribe(), resolve())))
        .catch(reject);
    });
    stop.catch(reject);
  });
}

module.exports = { run };
