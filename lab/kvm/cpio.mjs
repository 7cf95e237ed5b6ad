// An initramfs archive ("newc" cpio), made in memory: no root, no device nodes, same bytes every time.
const types = { directory: 0o040000, file: 0o100000, symlink: 0o120000 };

/** Collects entries and gives the archive. Missing parent directories are added. */
export function newArchive() {
  const entries = new Map();

  function add(path, type, mode, data) {
    const name = path.replace(/^\/+/, '');
    const parent = name.split('/').slice(0, -1).join('/');
    if (parent && !entries.has(parent)) add(parent, 'directory', 0o755, Buffer.alloc(0));
    entries.set(name, { mode: types[type] | mode, data });
  }

  return {
    directory: (path) => add(path, 'directory', 0o755, Buffer.alloc(0)),
    file: (path, data, mode = 0o644) => add(path, 'file', mode, Buffer.from(data)),
    symlink: (path, target) => add(path, 'symlink', 0o777, Buffer.from(target)),
    bytes() {
      const parts = [];
      let inode = 1;
      for (const [name, { mode, data }] of entries) parts.push(...record(name, mode, data, inode++));
      parts.push(...record('TRAILER!!!', 0, Buffer.alloc(0), 0));
      return Buffer.concat(parts);
    },
  };
}

function record(name, mode, data, inode) {
  const nameBytes = Buffer.from(`${name}\0`);
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, nameBytes.length, 0];
  const head = `070701${fields.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.concat([Buffer.from(head), nameBytes])), padded(data)];
}

function padded(bytes) {
  const rest = (4 - (bytes.length % 4)) % 4;
  return rest ? Buffer.concat([bytes, Buffer.alloc(rest)]) : bytes;
}
