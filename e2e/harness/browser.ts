import { chromium as playwright, type Browser, type Page } from 'playwright-core';
import { chromium } from './binaries.ts';
import type { Muster } from './muster.ts';

const flags = [
  '--no-sandbox', // Chromium has none as root, which is what CI is
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export async function launchBrowser(): Promise<Browser> {
  if (!chromium.found) throw new Error(chromium.reason);
  return playwright.launch({ executablePath: chromium.paths.chromium, args: flags });
}

/** A page of the web UI, signed in with the admin key as a person does. */
export async function signIn(browser: Browser, muster: Muster, path = '/'): Promise<Page> {
  const page = await browser.newPage({ baseURL: muster.url });
  await page.goto(path);
  await page.getByLabel(/key/i).fill(muster.adminKey);
  await page.getByRole('button', { name: /sign in/i }).click();
  await page.getByRole('navigation').first().waitFor();
  return page;
}
