import { renderToStaticMarkup } from 'react-dom/server';
import { expect, test } from 'vitest';
import { Breakable } from './breakable.tsx';

test.each([
  ['service.instance.id', 'service.|instance.|id'],
  ['0190a0b0-0000-7000-8000-000000000001', '0190a0b0-|0000-|7000-|8000-|000000000001'],
  ['https://edge-1.example:4317/v1', 'https://|edge-|1.|example:|4317/|v1'],
  ['otlp', 'otlp'],
  ['', ''],
])('"%s" goes on after its joints', (text, broken) => {
  expect(renderToStaticMarkup(<Breakable text={text} />).replaceAll('<wbr/>', '|')).toBe(broken);
});
