export function reasonsPage(
  reasons: Readonly<Record<string, { title: string; remedy: string; retryable: boolean }>>,
): string;
