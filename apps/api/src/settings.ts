export interface ApiSettings {
  host: string;
  /** 0: one that the system picks. */
  port: number;
  /** Folder with the built web UI; null: none is served. */
  webRoot: string | null;
  maxBodyBytes: number;
  /** Cookies over HTTPS alone: set behind a proxy that terminates TLS. */
  secureCookies: boolean;
  /** Where agents connect. */
  opamp: {
    /** Null: found from the request that asks. */
    publicUrl: string | null;
    port: number;
    /** The gateway ends TLS itself. */
    tls: boolean;
  };
  /** Addresses and networks of proxies whose word counts. */
  trustedProxies: readonly string[];
  /** Wrong credentials a minute from one address; beyond it they get 429. */
  wrongCredentialsPerMinute: number;
}

/** Token of the settings in Nest modules. */
export const API_SETTINGS = Symbol('api settings');
