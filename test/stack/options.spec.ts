import { describe, expect, it } from '@jest/globals';
import { defaultPorts, readOptions } from '../../stack/options.js';

describe('the options of npm start', () => {
  it('take an option before the environment and the environment before the default', () => {
    expect(readOptions([], {})).toMatchObject(defaultPorts);
    expect(readOptions([], { SLIPWAY_API_PORT: '9000' })).toMatchObject({ apiPort: 9000 });
    expect(readOptions(['--api-port', '9001'], { SLIPWAY_API_PORT: '9000' })).toMatchObject({
      apiPort: 9001,
    });
  });

  it('take relative paths from where the user typed, not from where npm went', () => {
    const options = readOptions(['--estate', 'mine/estate.yaml', '--home', '/data'], {
      INIT_CWD: '/somewhere',
    });
    expect(options).toMatchObject({ estate: '/somewhere/mine/estate.yaml', home: '/data' });
  });

  it('use servers of one’s own only when they are named', () => {
    expect(readOptions([], {})).not.toHaveProperty('databaseUrl');
    expect(
      readOptions([], { DATABASE_URL: 'postgres://db/x', OIDC_ISSUER: 'https://id.example.net' }),
    ).toMatchObject({
      databaseUrl: 'postgres://db/x',
      oidcIssuer: 'https://id.example.net',
    });
  });

  it.each(['80a', '65536', '-1', '1e3', ''])('refuse %j as a port, naming the option', (port) => {
    expect(() => readOptions([`--api-port=${port}`], {})).toThrow(/--api-port[^]*npm start -- --help/);
  });

  it('refuse an unknown option instead of starting without it', () => {
    expect(() => readOptions(['--estat', 'x'], {})).toThrow(/--estat/);
    expect(() => readOptions(['surplus'], {})).toThrow(/too many arguments|surplus/);
  });

  it('show help and start nothing', () => {
    const written: string[] = [];
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = (text: string) => written.push(text) > 0;
    try {
      expect(readOptions(['--help'], {})).toBeUndefined();
    } finally {
      process.stdout.write = write;
    }
    const help = written.join('');
    for (const name of ['--home', '--estate', '--api-port', '--temporal-ui-port', 'DATABASE_URL']) {
      expect(help).toContain(name);
    }
  });
});
