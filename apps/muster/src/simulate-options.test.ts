import { expect, test } from 'vitest';
import { readSimulateOptions } from './simulate-options.ts';

test('the command line becomes a fleet', () => {
  const options = readSimulateOptions(
    [
      '--agents',
      '5000',
      '--url=ws://a:1/x',
      '--url',
      'ws://b:1/x',
      '--fail',
      '0.05',
      '--attribute',
      'team=a=b',
      '--json',
    ],
    { MUSTER_ENROLLMENT_TOKEN: 'from the environment' },
  );
  expect(options).toMatchObject({ json: true, seconds: null, processes: 1 });
  expect(options.fleet).toMatchObject({
    agents: 5_000,
    urls: ['ws://a:1/x', 'ws://b:1/x'],
    token: 'from the environment',
    failShare: 0.05,
    attributes: { team: 'a=b' },
    kinds: ['contrib', 'k8s', 'desktop', 'observed'],
  });
});

test.each([
  [['--agents', 'many'], '--agents is "many": give a whole number from 1 up'],
  [['--agents', '0'], '--agents is "0": give a whole number from 1 up'],
  [['--fail', '5%'], '--fail is "5%": give a share between 0 and 1'],
  [['--heartbeat=-1'], '--heartbeat is "-1"'],
  [['--heartbeat='], '--heartbeat is "": give seconds, 0 for none'],
  [['--kinds', 'contrib,router'], '--kinds has "router": choose from contrib, k8s, desktop, observed'],
  [['--attribute', 'team'], '--attribute is "team": give KEY=VALUE'],
  [['--ca', '/nowhere.pem'], '--ca /nowhere.pem cannot be read (ENOENT): give a PEM file'],
  [['--agent', '5'], `Unknown option '--agent': run "muster simulate --help" for the options`],
])('%j is refused with the option and the way out', (args, message) => {
  expect(() => readSimulateOptions(args, {})).toThrow(message);
});
