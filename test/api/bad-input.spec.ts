import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApi, type TestApi } from './support/api.js';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const good = {
  action: 'attach',
  host: 'sim-01',
  vm: 'voip-gateway',
  devices: [{ address: '0000:02:00.0' }],
  reason: 'Gateway moves to the new cluster',
};
const inHours = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();

async function refusal(body: unknown): Promise<{ status: number; code: string; pointers: string[] }> {
  const answer = await api.send('POST', '/v1/changes', { body });
  expect(answer.headers.get('content-type')).toMatch('application/problem+json');
  expect(answer.body.remediation).not.toBe('');
  return {
    status: answer.status,
    code: answer.body.code,
    pointers: answer.body.errors.map((error) => error.pointer),
  };
}

const invalid = (...pointers: string[]) => ({ status: 422, code: 'request-invalid', pointers });

const hostile: [string, string][] = [
  ['NUL', 'a\0b'],
  ['a line break', 'a\nb'],
  ['a carriage return', 'a\rb'],
  ['a leading dash', '-oProxyCommand=touch /tmp/x'],
  ['a single quote', "a'; reboot; '"],
  ['a double quote', 'a"b'],
  ['markup', '<hostdev mode="x"/>'],
  ['an entity', '&xxe;'],
  ['a substitution', '$(reboot)'],
  ['a path', '../../etc/passwd'],
  ['an escape sequence', '\u001b[31mred'],
  ['a text-direction mark', 'a\u202eb'],
  ['a lone surrogate', 'a\ud800b'],
  ['nothing', ''],
  ['too much', 'x'.repeat(5_000)],
];

describe('a hostile string is refused and its field is named', () => {
  const fields: [string, (text: string) => object][] = [
    ['/action', (text) => ({ action: text })],
    ['/host', (text) => ({ host: text })],
    ['/vm', (text) => ({ vm: text })],
    ['/devices/0/address', (text) => ({ devices: [{ address: text }] })],
    ['/devices/0/alias', (text) => ({ devices: [{ alias: text }] })],
    ['/devices/0/mode', (text) => ({ devices: [{ address: '0000:02:00.0', mode: text }] })],
    ...['vendor', 'device', 'subsystem', 'class', 'serial', 'slot'].map(
      (part): [string, (text: string) => object] => [
        `/devices/0/fingerprint/${part}`,
        (text) => ({ devices: [{ address: '0000:02:00.0', fingerprint: { [part]: text } }] }),
      ],
    ),
    ['/powerOff', (text) => ({ powerOff: text })],
    ['/onUnhealthy', (text) => ({ onUnhealthy: text })],
    ['/window/from', (text) => ({ window: { from: text, to: inHours(2) } })],
    ['/window/to', (text) => ({ window: { from: inHours(1), to: text } })],
    ['/lease/until', (text) => ({ lease: { until: text } })],
    ['/class', (text) => ({ class: text })],
    ['/ticket', (text) => ({ ticket: text })],
    ['/apiVersion', (text) => ({ apiVersion: text })],
    ['/kind', (text) => ({ kind: text })],
  ];
  it.each(fields)('in %s', async (pointer, change) => {
    for (const [what, text] of hostile) {
      expect({ what, ...(await refusal({ ...good, ...change(text) })) }).toEqual({
        what,
        ...invalid(pointer),
      });
    }
  });

  it('in /reason, where quotes, dashes and markup are plain words, only what could deceive a reader is', async () => {
    const refused = [
      'NUL',
      'a line break',
      'a carriage return',
      'an escape sequence',
      'a text-direction mark',
      'a lone surrogate',
      'nothing',
      'too much',
    ];
    for (const [what, text] of hostile.filter(([one]) => refused.includes(one))) {
      expect({ what, ...(await refusal({ ...good, reason: text })) }).toEqual({
        what,
        ...invalid('/reason'),
      });
    }
  });

  it('in a path is a change nobody has', async () => {
    for (const id of ['a%00b', '..%2f..%2fetc', '-x', "a'b", 'chg_', '%3Cx%3E', 'x'.repeat(2_000)]) {
      const { status, body } = await api.send('GET', `/v1/changes/${id}`);
      expect({ id, status, code: body.code }).toEqual({ id, status: 404, code: 'change-unknown' });
    }
  });

  it('in a path that does not even decode is a problem all the same', async () => {
    const { status, body } = await api.send('GET', '/v1/changes/%ff');
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'request-malformed' });
  });

  it('in a query is refused and the parameter is named', async () => {
    for (const query of [
      'state=running%00',
      'host=-x',
      'vm=%3Cx%3E',
      'limit=0',
      'limit=1e9',
      'limit=201',
      'requester=you',
      'cursor=%27',
      'unknown=1',
      'host=a&host=b',
    ]) {
      const { status, body } = await api.send('GET', `/v1/changes?${query}`);
      expect({ query, status, code: body.code, pointer: body.errors[0]?.pointer }).toEqual({
        query,
        status: 400,
        code: 'query-invalid',
        pointer: `query ${query.split('=')[0]}`,
      });
    }
  });
});

describe('a request of the wrong shape is refused', () => {
  const shapes: [string, object, string[]][] = [
    [
      'fields that only the product may set',
      { ...good, state: 'running', planHash: 'x', requester: { issuer: 'i', subject: 's' }, site: 'lab' },
      ['/state', '/planHash', '/requester', '/site'],
    ],
    [
      'an unknown field of a device',
      { ...good, devices: [{ address: '0000:02:00.0', unit: 'g1' }] },
      ['/devices/0/unit'],
    ],
    ['nothing of what is needed', {}, ['/action', '/host', '/vm', '/devices', '/reason']],
    ['devices that are no list', { ...good, devices: 'all' }, ['/devices']],
    ['no device', { ...good, devices: [] }, ['/devices']],
    ['devices that are no objects', { ...good, devices: [null] }, ['/devices', '/devices/0']],
    ['a device without address and alias', { ...good, devices: [{}] }, ['/devices/0/address']],
    [
      'a device with both',
      { ...good, devices: [{ address: '0000:02:00.0', alias: 'isdn-card' }] },
      ['/devices/0/alias'],
    ],
    [
      'too many devices',
      {
        ...good,
        devices: Array.from({ length: 17 }, (_, slot) => ({
          address: `0000:02:${slot.toString(16).padStart(2, '0')}.0`,
        })),
      },
      ['/devices'],
    ],
    ['a text for a truth value', { ...good, wholeUnit: 'yes' }, ['/wholeUnit']],
    ['a number for a name', { ...good, host: 7 }, ['/host']],
    ['an object for a name', { ...good, vm: { toString: 'x' } }, ['/vm']],
    ['a giver without a move', { ...good, from: 'other-vm' }, ['/from']],
    [
      'a window that ends before it begins',
      { ...good, window: { from: inHours(2), to: inHours(1) } },
      ['/window/to'],
    ],
    [
      'a window without offset',
      { ...good, window: { from: '2030-01-01T00:00:00', to: inHours(100_000) } },
      ['/window/from'],
    ],
    [
      'a day that is none',
      { ...good, window: { from: '2030-02-30T00:00:00Z', to: '2030-03-30T00:00:00Z' } },
      ['/window/from'],
    ],
    ['a lease that is over', { ...good, lease: { until: inHours(-1) } }, ['/lease/until']],
    [
      'a slot of PCI that can’t be',
      { ...good, devices: [{ address: '0000:02:20.0' }] },
      ['/devices/0/address'],
    ],
    [
      'a function of PCI that can’t be',
      { ...good, devices: [{ address: '0000:02:00.8' }] },
      ['/devices/0/address'],
    ],
  ];
  it.each(shapes)('%s', async (_, body, pointers) => {
    expect(await refusal(body)).toEqual(invalid(...pointers));
  });

  it('a member named __proto__', async () => {
    const raw = `{"__proto__":{"host":"sim-01"},${JSON.stringify(good).slice(1)}`;
    const { status, body } = await api.send('POST', '/v1/changes', { raw });
    expect({ status, pointer: body.errors[0]?.pointer }).toEqual({ status: 422, pointer: '/__proto__' });
  });

  it('a body nested so deeply that reading it would fill the stack', async () => {
    const raw = `{"devices":${'['.repeat(30_000)}${']'.repeat(30_000)}}`;
    const { status, body } = await api.send('POST', '/v1/changes', { raw });
    expect({ status, code: body.code, below: body.errors[0]?.pointer.startsWith('/devices/0/0') }).toEqual({
      status: 422,
      code: 'request-invalid',
      below: true,
    });
  });

  it('a body that is a list, a text or nothing', async () => {
    expect(await refusal([good])).toMatchObject({ status: 422, code: 'request-invalid' });
    const none = await api.send('POST', '/v1/changes');
    expect({ status: none.status, code: none.body.code }).toEqual({ status: 422, code: 'request-invalid' });
    const text = await api.send('POST', '/v1/changes', { raw: '"attach"' });
    expect({ status: text.status, code: text.body.code }).toEqual({ status: 400, code: 'request-malformed' });
  });

  it('a body that is broken JSON, without repeating it', async () => {
    const { status, body } = await api.send('POST', '/v1/changes', { raw: '{"reason": "s3cret' });
    expect({ status, code: body.code }).toEqual({ status: 400, code: 'request-malformed' });
    expect(JSON.stringify(body)).not.toContain('s3cret');
  });

  it('a body over the limit', async () => {
    const { status, body } = await api.send('POST', '/v1/changes', {
      body: { ...good, reason: 'x'.repeat(70_000) },
    });
    expect({ status, code: body.code }).toEqual({ status: 413, code: 'payload-too-large' });
  });

  it('a body of another kind', async () => {
    const { status, body } = await api.send('POST', '/v1/changes', {
      raw: 'host=sim-01',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect({ status, code: body.code }).toEqual({ status: 415, code: 'media-type-unsupported' });
  });

  it('an idempotency key that is none', async () => {
    const { status, body } = await api.send('POST', '/v1/changes', {
      body: good,
      headers: { 'idempotency-key': 'a b' },
    });
    expect({ status, pointer: body.errors[0]?.pointer }).toEqual({
      status: 422,
      pointer: 'header Idempotency-Key',
    });
  });
});

describe('a request that makes no sense in this estate is refused', () => {
  it('an action that can’t be done yet', async () => {
    expect(await refusal({ ...good, action: 'adopt' })).toEqual({
      status: 422,
      code: 'action-unsupported',
      pointers: ['/action'],
    });
  });

  it('a mode that can’t be moved yet', async () => {
    const body = { ...good, devices: [{ address: 'lun-7', mode: 'disk' }] };
    expect(await refusal(body)).toEqual({
      status: 422,
      code: 'action-unsupported',
      pointers: ['/devices/0/mode'],
    });
  });

  it('a window in the past', async () => {
    const window = { from: inHours(-3), to: inHours(-2) };
    expect(await refusal({ ...good, window })).toEqual({
      status: 422,
      code: 'window-past',
      pointers: ['/window/to'],
    });
  });

  it('an alias nobody gave, or gave to a device of another host', async () => {
    const unknown = { status: 422, code: 'device-unknown', pointers: ['/devices/0/alias'] };
    expect(await refusal({ ...good, devices: [{ alias: 'constructor' }] })).toEqual(unknown);
    expect(await refusal({ ...good, host: 'sim-02', devices: [{ alias: 'isdn-card' }] })).toEqual(unknown);
  });

  it('one device twice, by address and by alias', async () => {
    const devices = [{ address: '02:00.0' }, { alias: 'isdn-card' }];
    expect(await refusal({ ...good, devices })).toEqual(invalid('/devices/1'));
  });
});

describe('when something the API needs is gone', () => {
  it('a good request is answered with what is down, that it may be repeated, and no address', async () => {
    const { status, body, headers } = await api.send('POST', '/v1/changes', { body: good });
    expect({ status, code: body.code, retryable: body.retryable }).toEqual({
      status: 503,
      code: 'register-down',
      retryable: true,
    });
    expect(headers.get('retry-after')).toBe('5');
  });

  it('it lives and says that it is not ready', async () => {
    expect((await api.send('GET', '/healthz', { token: null })).status).toBe(200);
    const ready = await api.send<{ checks: object }>('GET', '/readyz', { token: null });
    expect(ready.status).toBe(503);
    expect(ready.body.checks).toEqual({
      register: 'does not answer',
      temporal: 'does not answer',
      issuer: 'ok',
    });
  });
});
