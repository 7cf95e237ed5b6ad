import fc from 'fast-check';
import { describe, expect, it } from '@jest/globals';
import { canonicalJson } from '../../domain/canonical.js';

describe('canonical JSON', () => {
  it('writes the example of RFC 8785 §3.2.3', () => {
    const example = {
      numbers: [333333333.33333329, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000F\u000aA\'\u0042\u0022\u005c\\"\/',
      literals: [null, true, false],
    };
    expect(canonicalJson(example)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts keys by UTF-16 code units, as RFC 8785 §3.2.3 shows', () => {
    const keys = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\ud83d\ude00': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    };
    const sorted = Object.values(JSON.parse(canonicalJson(keys)) as Record<string, string>);
    // JSON.parse puts the integer key first whatever its place, so the text itself is looked at too.
    expect(sorted.length).toBe(7);
    const places = Object.values(keys)
      .map((name) => ({ name, at: canonicalJson(keys).indexOf(name) }))
      .sort((a, b) => a.at - b.at)
      .map(({ name }) => name);
    expect(places).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
  });

  it.each([
    [0, '0'],
    [-0, '0'],
    [5e-324, '5e-324'],
    [-5e-324, '-5e-324'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [9007199254740992, '9007199254740992'],
    [-9007199254740992, '-9007199254740992'],
    [295147905179352830000, '295147905179352830000'],
    [1e21, '1e+21'],
    [9.999999999999997e22, '9.999999999999997e+22'],
    [1e-7, '1e-7'],
    [0.000001, '0.000001'],
    [333333333.33333325, '333333333.33333325'],
    [-0.0000033333333333333333, '-0.0000033333333333333333'],
    [1424953923781206.2, '1424953923781206.2'],
  ])('writes the number %p as RFC 8785 appendix B does', (number, text) => {
    expect(canonicalJson(number)).toBe(text);
  });

  it.each([
    ['NaN', NaN],
    ['infinity', Infinity],
    ['a lone surrogate', '\ud800'],
    ['a lone surrogate as a key', { '\udead': 1 }],
    ['a function', () => 1],
    ['a bigint', 1n],
    ['undefined alone', undefined],
  ])('refuses %s instead of hashing something else', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError);
  });

  it('refuses what is no plain data: a date or a map would hash as {}', () => {
    expect(() => canonicalJson({ at: new Date(0) })).toThrow(TypeError);
    expect(() => canonicalJson({ map: new Map([[1, 2]]) })).toThrow(TypeError);
  });

  it('leaves out members that are undefined, like JSON does', () => {
    expect(canonicalJson({ b: undefined, a: 1 })).toBe('{"a":1}');
    expect(canonicalJson([undefined, 1])).toBe('[null,1]');
  });

  it('means what it was made from, and is the same for the same meaning', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        const read: unknown = JSON.parse(text);
        expect(read).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(read)).toBe(text);
        expect(canonicalJson(backwards(read))).toBe(text);
      }),
    );
  });
});

/** The same value with every object's members in the opposite order. */
function backwards(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(backwards);
  if (value === null || typeof value !== 'object') return value;
  const members = Object.entries(value).reverse();
  return Object.fromEntries(members.map(([key, member]) => [key, backwards(member)]));
}
