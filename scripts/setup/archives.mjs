// Just enough of zip and tar to take one file out of an archive, so that set-up needs neither unzip nor tar.
import { gunzipSync, inflateRawSync } from 'node:zlib';

/** The bytes of the first file of a zip archive whose name satisfies `wanted`; undefined if there is none. */
export function fileOfZip(archive, wanted) {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error('not a zip archive: no end record');
  const entries = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  for (let entry = 0; entry < entries; entry += 1) {
    if (archive.readUInt32LE(at) !== 0x02014b50)
      throw new Error(`not a zip archive: no directory entry at ${at}`);
    const method = archive.readUInt16LE(at + 10);
    const packed = archive.readUInt32LE(at + 20);
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    if (wanted(name)) {
      const local = archive.readUInt32LE(at + 42);
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const bytes = archive.subarray(start, start + packed);
      if (method === 0) return Buffer.from(bytes);
      if (method === 8) return inflateRawSync(bytes);
      throw new Error(`${name}: unknown compression method ${method}`);
    }
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return undefined;
}

/** The bytes of the first file of a gzipped tar archive whose name satisfies `wanted`; undefined if there is none. */
export function fileOfTarGz(archive, wanted) {
  const tar = gunzipSync(archive);
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0;) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8);
    if (!Number.isFinite(size)) throw new Error(`not a tar archive: bad size of ${JSON.stringify(name)}`);
    if (wanted(name)) return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return undefined;
}
