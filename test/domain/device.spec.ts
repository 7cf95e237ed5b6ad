import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import {
  fingerprintDifferences,
  formatPciAddress,
  isWeakFingerprint,
  normalAddress,
  parsePciAddress,
} from '../../domain/device.js';

const addresses = fc.record({
  domain: fc.integer({ min: 0, max: 0xffff }),
  bus: fc.integer({ min: 0, max: 0xff }),
  slot: fc.integer({ min: 0, max: 0x1f }),
  function: fc.integer({ min: 0, max: 7 }),
});

describe('a PCI address', () => {
  it('survives being written and read', () => {
    fc.assert(
      fc.property(addresses, (address) => {
        expect(parsePciAddress(formatPciAddress(address))).toEqual(address);
      }),
    );
  });

  it('has one spelling, however it was typed', () => {
    fc.assert(
      fc.property(addresses, fc.boolean(), (address, upper) => {
        const { domain, bus, slot } = address;
        const short = `${bus.toString(16)}:${slot.toString(16)}.${address.function}`;
        const typed = domain === 0 ? short : `${domain.toString(16)}:${short}`;
        expect(normalAddress(upper ? typed.toUpperCase() : typed)).toBe(formatPciAddress(address));
      }),
    );
  });

  it.each([
    ['3b:00.0', '0000:3b:00.0'],
    ['0000:3B:00.0', '0000:3b:00.0'],
    ['3b:0.7', '0000:3b:00.7'],
    ['00000000:3b:00.0', '0000:3b:00.0'],
    ['ffff:ff:1f.7', 'ffff:ff:1f.7'],
  ])('%s is %s', (typed, normal) => {
    expect(normalAddress(typed)).toBe(normal);
  });

  it.each([
    ['', 'nothing'],
    ['0000:3b:00', 'no function'],
    ['0000:3b:00.8', 'function 8'],
    ['0000:3b:20.0', 'slot above 1f'],
    ['10000:3b:00.0', 'domain above ffff'],
    ['000000000:3b:00.0', 'nine digits'],
    ['0000:100:00.0', 'bus above ff'],
    ['0000:3b:00.0\n', 'a line break behind'],
    ['\n0000:3b:00.0', 'a line break before'],
    [' 0000:3b:00.0', 'a space before'],
    ['0000:3b:00.0 --live', 'an option behind'],
    ['0000:3b:00.0\u0000', 'NUL'],
    ['-0000:3b:00.0', 'a dash before'],
    ['0000:3b:00.0;reboot', 'a command behind'],
    ['<a>0000:3b:00.0</a>', 'markup'],
    ['٠٠٠٠:3b:00.0', 'digits of another script'],
    ['../0000:3b:00.0', 'a path'],
  ])('is not %j: %s', (text) => {
    expect(parsePciAddress(text)).toBeNull();
  });

  it('is never read out of hostile text, and such text stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const parsed = parsePciAddress(text);
        if (parsed === null) expect(normalAddress(text)).toBe(text);
        else expect(text).toMatch(/^[0-9a-fA-F:.]+$/);
      }),
    );
  });
});

describe('a fingerprint', () => {
  const found = { vendor: '8086', device: '10d3', subsystem: '80860000', class: '020000', serial: 'AB-01' };

  it.each([
    ['nothing was asked for', {}, []],
    ['all is alike', { vendor: '8086', serial: 'AB-01' }, []],
    ['an id was typed as 0x8086', { vendor: '0x8086' }, []],
    ['an id was typed in capitals', { device: '10D3' }, []],
    ['a part was left undefined', { vendor: undefined }, []],
    ['the vendor differs', { vendor: '1b36' }, [{ expected: 'vendor 1b36', actual: 'vendor 8086' }]],
    ['the serial differs', { serial: 'AB-02' }, [{ expected: 'serial AB-02', actual: 'serial AB-01' }]],
    ['the device has no such part', { slot: '3' }, [{ expected: 'slot 3', actual: 'slot none' }]],
    [
      'two parts differ',
      { vendor: '1b36', device: '0010' },
      [
        { expected: 'vendor 1b36', actual: 'vendor 8086' },
        { expected: 'device 0010', actual: 'device 10d3' },
      ],
    ],
  ])('is compared when %s', (_, wanted, differences) => {
    expect(fingerprintDifferences(wanted, found)).toEqual(differences);
  });

  it('never differs from itself', () => {
    const fingerprints = fc.record(
      { vendor: fc.string(), device: fc.string(), serial: fc.string(), slot: fc.string() },
      { requiredKeys: ['vendor', 'device'] },
    );
    fc.assert(
      fc.property(fingerprints, (fingerprint) => {
        expect(fingerprintDifferences(fingerprint, fingerprint)).toEqual([]);
      }),
    );
  });

  it('is weak without a serial number, also with an empty one', () => {
    expect(isWeakFingerprint({ vendor: '8086', device: '10d3', slot: '3' })).toBe(true);
    expect(isWeakFingerprint({ vendor: '8086', device: '10d3', serial: '' })).toBe(true);
    expect(isWeakFingerprint(found)).toBe(false);
  });
});
