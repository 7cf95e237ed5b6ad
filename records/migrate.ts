export interface MigrateOptions {
  /** The role that api and worker log in as, or are members of; `slipway_app` unless told. Made if missing, without login. */
  appRole?: string;
}

/** Brings the schema up to date under an advisory lock and grants the app role what it may do. Returns the names of what was applied. */
export function migrate(_migratorUrl: string, _options: MigrateOptions = {}): Promise<string[]> {
  throw new Error('not written yet');
}
