import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import previousRelease from '../../libs/db/previous-release.json' with { type: 'json' };
import { repository } from './muster.ts';
import { releaseIn, type Release } from './processes.ts';

const { commit } = previousRelease;
const apps = ['gateway', 'inventory', 'configs', 'rollouts', 'api'];

/**
 * The release before, built from this repository's history with the packages that are installed here, into
 * .cache/previous-release; a second call does nothing.
 *
 * @throws Error that names the commit when the history does not have it: a shallow clone.
 */
export function buildPreviousRelease(): Release {
  const folder = join(repository, '.cache/previous-release', commit);
  if (!existsSync(join(folder, 'built'))) {
    rmSync(folder, { recursive: true, force: true });
    const fresh = `${folder}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh, { recursive: true });
    const known = spawnSync('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: repository });
    if (known.status !== 0)
      throw new Error(`the history lacks ${commit}, the release before: git fetch --unshallow`);
    run('sh', ['-c', `git archive ${commit} | tar -x -C "$0"`, fresh], repository);
    linkPackages(fresh);
    renameSync(fresh, folder);
    for (const app of apps) {
      const rolldown = join(repository, 'node_modules/rolldown/bin/cli.mjs');
      run(process.execPath, [rolldown, '-c', '../../rolldown.server.mjs'], join(folder, 'apps', app));
    }
    writeFileSync(join(folder, 'built'), '');
  }
  return releaseIn(folder);
}

/** Published packages as they are here, its own workspaces as they were. */
function linkPackages(folder: string): void {
  const links = (from: string, to: string) => {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from).filter((entry) => entry !== '@muster'))
      symlinkSync(join(from, name), join(to, name));
  };
  links(join(repository, 'node_modules'), join(folder, 'node_modules'));
  const own = join(repository, 'node_modules/@muster');
  mkdirSync(join(folder, 'node_modules/@muster'));
  for (const name of readdirSync(own)) {
    const app = name.startsWith('app-') ? `apps/${name.slice('app-'.length)}` : `libs/${name}`;
    if (existsSync(join(folder, app)))
      // relative: the folder gets its name when it is complete
      symlinkSync(join('../..', app), join(folder, 'node_modules/@muster', name));
  }
  for (const group of ['libs', 'apps']) {
    for (const workspace of readdirSync(join(folder, group))) {
      const nested = join(repository, group, workspace, 'node_modules');
      if (existsSync(nested) && lstatSync(nested).isDirectory())
        links(nested, join(folder, group, workspace, 'node_modules'));
    }
  }
}

function run(program: string, words: string[], cwd: string): void {
  const { status, stdout, stderr } = spawnSync(program, words, { cwd, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${program} ${words.join(' ')} ended with ${status}:\n${stdout}${stderr}`);
}
