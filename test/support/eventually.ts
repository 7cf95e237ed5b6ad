/** Waits until `check` no longer throws; throws its last complaint when the time is over. */
export async function eventually(check: () => Promise<void>, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (complaint) {
      if (Date.now() > deadline) throw complaint;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
