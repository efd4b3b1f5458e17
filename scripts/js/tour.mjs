#!/usr/bin/env node
// A tour of the chain with plain @polkadot/api: no custom types, no custom RPC, metadata alone.
//
//   node scripts/js/tour.mjs [ws://127.0.0.1:9944] [//Alice]
//
// Transfers, publishes an image, submits a job, cancels it, and prints every decoded event. Exits with 1 if
// anything that it expects to see does not happen.
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { blake2AsHex } from '@polkadot/util-crypto';

const usage = 'usage: tour.mjs [node URL, default ws://127.0.0.1:9944] [dev account, default //Alice]';
const [url = 'ws://127.0.0.1:9944', account = '//Alice'] = process.argv.slice(2);
if (url === '--help' || !url.startsWith('ws') || !account.startsWith('//')) {
  console.error(usage);
  process.exit(url === '--help' ? 0 : 2);
}

function fail(message) {
  console.error(`tour: ${message}`);
  process.exit(1);
}

/** Submits a call, waits until it is in a block, prints and returns its decoded events. */
function send(api, call, signer) {
  const name = `${call.method.section}.${call.method.method}`;
  return new Promise((resolve, reject) => {
    call
      .signAndSend(signer, ({ status, events, dispatchError }) => {
        if (dispatchError) {
          const error = dispatchError.isModule
            ? Object.values(api.registry.findMetaError(dispatchError.asModule)).join(' ')
            : dispatchError.toString();
          return reject(new Error(`${name} failed: ${error}`));
        }
        if (!status.isInBlock) return;
        console.log(`${name} in block ${status.asInBlock.toHex()}`);
        for (const { event } of events) {
          console.log(`  ${event.section}.${event.method} ${JSON.stringify(event.toHuman().data)}`);
        }
        resolve(events.map(({ event }) => event));
      })
      .catch(reject);
  });
}

function expect(events, section, method) {
  const found = events.find((event) => event.section === section && event.method === method);
  if (!found) fail(`expected the event ${section}.${method}`);
  // Named fields, decoded by metadata alone.
  if (found.meta.fields.some((field) => field.name.isNone)) fail(`${section}.${method} has fields without names`);
  return found;
}

const provider = new WsProvider(url, false);
const unreachable = () => fail(`no node answers at ${url}: start one with \`sungrid-node --dev --tmp\``);
await new Promise((resolve) => {
  provider.on('connected', resolve);
  provider.on('error', unreachable);
  provider.connect().catch(unreachable);
});
const api = await ApiPromise.create({ provider, throwOnConnect: true, noInitWarn: true });
const keyring = new Keyring({ type: 'sr25519' });
const requester = keyring.addFromUri(account);
const receiver = keyring.addFromUri('//Ferdie');

const [chain, properties] = await Promise.all([api.rpc.system.chain(), api.rpc.system.properties()]);
console.log(`connected to ${chain}, runtime ${api.runtimeVersion.specName}-${api.runtimeVersion.specVersion}`);
if (properties.tokenSymbol.unwrap()[0].toString() !== 'ISC') fail('the chain does not name its token ISC');
if (properties.tokenDecimals.unwrap()[0].toNumber() !== 12) fail('the token does not have 12 decimals');

const ISC = 10n ** 12n;
expect(await send(api, api.tx.balances.transferKeepAlive(receiver.address, ISC), requester), 'balances', 'Transfer');

const manifest = blake2AsHex(`tour ${Date.now()}`);
expect(await send(api, api.tx.images.publish(manifest, 0), requester), 'images', 'ImagePublished');

const header = await api.rpc.chain.getHeader();
const profile = { kind: 'Cpu', version: 1 };
const environments = await api.query.suns.environments.keys();
if (environments.length === 0) fail('the chain accepts no execution environment');
const submitted = expect(
  await send(
    api,
    api.tx.market.submit({
      image: manifest,
      input: blake2AsHex('input'),
      units: 64,
      batchSize: 4,
      price: ISC,
      fuelLimit: 2_000_000_000,
      memoryLimit: 64 << 20,
      trafficLimit: 1 << 20,
      policy: { Replicate: 2 },
      profile,
      environment: environments[0].args[0],
      deadline: header.number.toNumber() + 100,
      endpoint: '0x00',
      constraints: { jurisdictions: [], minAcceptedUnits: 0 },
    }),
    requester,
  ),
  'market',
  'JobSubmitted',
);
const job = submitted.data.job.toNumber();
const record = (await api.query.market.jobs(job)).unwrap();
console.log(`job ${job} on chain: ${JSON.stringify(record.toHuman())}`);
if (!record.requester.eq(requester.address)) fail('the job names another requester');

expect(await send(api, api.tx.market.cancel(job), requester), 'market', 'JobCancelled');
const escrow = (await api.query.balances.holds(requester.address)).find(({ id }) => id.toString().includes('Escrow'));
if (escrow && escrow.amount.gtn(0)) fail('the escrow of the cancelled job is still held');

console.log('tour: all good');
await api.disconnect();
