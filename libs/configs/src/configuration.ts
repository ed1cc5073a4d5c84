/** A named series of immutable versions. */
export interface Configuration {
  readonly name: string;
  readonly description: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly latest: ConfigurationVersion;
}

/** One version: its text never changes. Versions of a configuration count 1, 2, 3… */
export interface ConfigurationVersion {
  readonly name: string;
  readonly version: number;
  readonly body: string;
  readonly comment: string;
  readonly createdAt: Date;
  readonly createdBy: string;
}
