import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessService } from '@muster/access/access-service';
import { supervisorYaml } from '@muster/opamp/supervisor-yaml';

/** Credentials made at this start; null where they existed or were preset. */
export interface FirstCredentials {
  adminKey: { token: string; file: string } | null;
  supervisor: { yaml: string; file: string } | null;
}

/**
 * Makes sure that there is an admin key and an enrollment token. What is made here is kept in files that
 * only their owner can read, since the database holds nothing but hashes.
 */
export async function ensureFirstCredentials(
  access: AccessService,
  presets: { adminKey: string | undefined; enrollmentToken: string | undefined },
  dataDir: string,
  opampEndpoint: string,
): Promise<FirstCredentials> {
  const adminKey = await access.ensureAdminKey(presets.adminKey);
  const enrollment = await access.ensureEnrollmentToken(presets.enrollmentToken);
  const first: FirstCredentials = { adminKey: null, supervisor: null };
  if (adminKey.token !== null && presets.adminKey === undefined) {
    first.adminKey = { token: adminKey.token, file: await keep(dataDir, 'admin-key', `${adminKey.token}\n`) };
  }
  if (enrollment.token !== null && presets.enrollmentToken === undefined) {
    const yaml = supervisorYaml(opampEndpoint, enrollment.token);
    first.supervisor = { yaml, file: await keep(dataDir, 'supervisor.yaml', yaml) };
  }
  return first;
}

async function keep(dataDir: string, name: string, text: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, name);
  await writeFile(file, text, { mode: 0o600 });
  return file;
}
