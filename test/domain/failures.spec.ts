import { describe, expect, it } from '@jest/globals';
import { failure, isReason, type Reason, reasons, SlipwayError } from '../../domain/failures.js';

const all = Object.entries(reasons) as [Reason, (typeof reasons)[Reason]][];

describe('every reason', () => {
  it.each(all)('%s has a title and a remedy that read as sentences', (_, { title, remedy }) => {
    expect(title).toMatch(/^[A-Z].*[^.]$/);
    expect(remedy).toMatch(/^[A-Z].*\.$/);
    expect(remedy).not.toBe(title);
  });

  it('has a title of its own', () => {
    expect(new Set(all.map(([, { title }]) => title)).size).toBe(all.length);
  });

  it.each(all)(
    '%s makes a message that tells what, where, expected, actual, cause and remedy',
    (name, facts) => {
      const made = failure(name, {
        where: { host: 'kvm-01', vm: 'gateway', address: '0000:02:00.0', field: 'devices' },
        expected: 'one thing',
        actual: 'another',
        cause: 'error: No such device',
      });
      expect(made.message).toBe(
        `${facts.title} (field devices, device 0000:02:00.0, VM gateway, host kvm-01). ` +
          `expected one thing, found another. cause: error: No such device. ${facts.remedy}`,
      );
      expect(made.reason).toBe(name);
    },
  );

  it('is known by its name and nothing else is: not even what every object has', () => {
    for (const [name] of all) expect(isReason(name)).toBe(true);
    for (const name of ['', 'toString', '__proto__', 'constructor', 'IOMMU-OFF'])
      expect(isReason(name)).toBe(false);
  });

  it('can be tried again only where trying again could help', () => {
    const retryable = all.filter(([, facts]) => facts.retryable).map(([name]) => name);
    for (const name of [
      'stale-epoch',
      'access-denied',
      'host-identity-changed',
      'device-dead',
      'review-forged',
    ]) {
      expect(retryable).not.toContain(name);
    }
    for (const name of [
      'outcome-unknown',
      'register-down',
      'site-stalled',
      'guard-busy',
      'host-unreachable',
    ]) {
      expect(retryable).toContain(name);
    }
  });
});

describe('a failure', () => {
  it('leaves out what is not known, without empty brackets or doubled stops', () => {
    const { title, remedy } = reasons['iommu-off'];
    expect(failure('iommu-off').message).toBe(`${title}. ${remedy}`);
    expect(failure('iommu-off', { where: {} }).message).toBe(`${title}. ${remedy}`);
    expect(failure('iommu-off', { cause: 'It said so.' }).message).toBe(
      `${title}. cause: It said so. ${remedy}`,
    );
  });

  it('is plain data that survives being sent', () => {
    const made = failure('guest-unseen', { where: { vm: 'gateway' }, actual: 'nothing' });
    expect(JSON.parse(JSON.stringify(made))).toEqual(made);
  });

  it('as an error keeps its message and where it came from', () => {
    const cause = new Error('socket closed');
    const error = new SlipwayError(failure('host-unreachable'), { cause });
    expect(error).toMatchObject({ name: 'SlipwayError', cause, message: error.failure.message });
  });
});
