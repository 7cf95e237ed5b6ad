/** Whether `GET url` answers with success, soon. */
export async function answersWell(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    await response.arrayBuffer(); // so that the connection can be used again
    return response.ok;
  } catch {
    return false;
  }
}
