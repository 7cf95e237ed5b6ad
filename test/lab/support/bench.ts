import { isDeepStrictEqual } from 'node:util';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import { down, up } from './equipment.js';
import { LabHost, type Truth } from './lab-host.js';
import { patienceMs, Product } from './product.js';
import { rescue } from './rescue.js';

/** What every scene works with: a host to look at with one's own eyes, and the product that serves it. */
export interface Bench {
  host: LabHost;
  product: Product;
}

/**
 * One lab and one stack for all tests of a file. After each test the host and its guests must be as they were
 * found, whatever the product says.
 */
export function openBench(
  name: string,
  options: { topology?: string; cold?: boolean; guests?: boolean } = {},
): Bench {
  const bench = {} as Bench;
  let found: Truth;
  beforeAll(async () => {
    await down(name);
    const endStack = async (): Promise<unknown> => bench.product?.close();
    bench.host = new LabHost(await up({ name, quiet: true, ...options }, endStack));
    bench.product = await Product.over(bench.host.facts);
    found = await bench.host.truth();
  }, patienceMs);
  afterEach(async () => {
    const { host, product } = bench;
    product.failpoints.clear();
    const open = await product.open();
    const left = await host.tries('virsh version').then(({ code }) => (code === 0 ? host.truth() : null));
    if (open.length > 0 || !isDeepStrictEqual(left, found)) await rescue(host, product, found);
    expect({ open, left }).toEqual({ open: [], left: found });
  }, patienceMs);
  afterAll(async () => {
    await bench.product?.close();
    await down(name);
  }, patienceMs);
  return bench;
}
