/** Opens the built window in Chromium, on the in-memory desk, with time in the test's hands. */
import { fileURLToPath } from 'node:url';
import AxeBuilder from '@axe-core/playwright';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { serve } from './serve';

export interface Options {
  dark?: boolean;
  width?: number;
  height?: number;
}

/** A browser for the tests of one file; after each of them its windows are closed, and nothing may have gone wrong in one. */
export function staged(): Stage {
  const stage = new Stage();
  beforeAll(() => stage.open());
  afterEach(() => stage.clear());
  afterAll(() => stage.close());
  return stage;
}

/** A browser with the built window behind it. */
class Stage {
  #url = '';
  #end = () => {};
  #browser: Browser | null = null;
  #windows: Window[] = [];

  async open(): Promise<void> {
    const { url, close } = await serve(fileURLToPath(new URL('../../test-results/dist', import.meta.url)));
    this.#url = url;
    this.#end = close;
    this.#browser = await chromium.launch({ executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox'] });
  }

  /** Opens the window on a scene, past its first half second. */
  async window(scene: string, options: Options = {}): Promise<Window> {
    if (this.#browser === null) throw new Error('the browser is not open');
    const context = await this.#browser.newContext({ viewport: { width: options.width ?? 1320, height: options.height ?? 840 }, colorScheme: options.dark === true ? 'dark' : 'light', reducedMotion: 'reduce' });
    const page = await context.newPage();
    const window = new Window(page, this.#url);
    this.#windows.push(window);
    await page.clock.install({ time: new Date(2026, 10, 20, 9, 0) });
    await page.goto(`${this.#url}?fake=${scene}`);
    await page.waitForSelector('main');
    await window.pass(600);
    return window;
  }

  /** Closes the windows of a test. */
  async clear(): Promise<void> {
    const windows = this.#windows.splice(0);
    await Promise.all(windows.map((window) => window.page.context().close()));
    expect(windows.flatMap((window) => window.troubles)).toEqual([]);
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    this.#end();
  }
}

/** One open window. */
export class Window {
  /** What went wrong in the page, and every request that left for elsewhere. */
  readonly troubles: string[] = [];

  constructor(
    readonly page: Page,
    url: string,
  ) {
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.troubles.push(message.text());
    });
    page.on('pageerror', (error) => this.troubles.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) this.troubles.push(`request to ${request.url()}`);
    });
    page.on('dialog', (dialog) => this.troubles.push(`dialog: ${dialog.message()}`));
  }

  /** Lets time pass for the window. */
  async pass(ms: number): Promise<void> {
    await this.page.clock.runFor(ms);
  }

  id(name: string) {
    return this.page.getByTestId(name);
  }

  item(id: string) {
    return this.page.locator(`[data-testid="queue-item"][data-handoff-id="${id}"]`);
  }

  /** Opens a card, past its first half second. */
  async show(id: string): Promise<void> {
    await this.item(id).click();
    await this.pass(700);
  }

  /** Presses keys one after the other, with a moment after each. */
  async press(...keys: string[]): Promise<void> {
    for (const key of keys) {
      await this.page.keyboard.press(key);
      await this.pass(200);
    }
  }

  /** The arguments of the calls of this name that reached the desk. */
  async calls(name: string): Promise<Record<string, unknown>[]> {
    return this.page.evaluate((wanted) => {
      const { fakeDesk } = globalThis as unknown as { fakeDesk: { calls: { name: string; argument: Record<string, unknown> }[] } };
      return fakeDesk.calls.filter((call) => call.name === wanted).map((call) => call.argument);
    }, name);
  }

  /** Does something to the desk from outside, such as `withdraw`. */
  async desk(method: string, ...values: unknown[]): Promise<void> {
    await this.page.evaluate(
      ([name, rest]) => {
        const { fakeDesk } = globalThis as unknown as { fakeDesk: Record<string, (...given: unknown[]) => void> };
        fakeDesk[name as string]?.(...(rest as unknown[]));
      },
      [method, values] as const,
    );
    await this.pass(300);
  }

  /** Makes holds so long that a slow machine cannot outlast them. */
  async holdLong(): Promise<void> {
    await this.page.evaluate(async () => {
      const { fakeDesk } = globalThis as unknown as { fakeDesk: { settings: () => Promise<object>; saveSettings: (settings: object) => Promise<object> } };
      await fakeDesk.saveSettings({ ...(await fakeDesk.settings()), hold_s: 30 });
    });
    await this.pass(300);
  }

  /** Replaces the text of the open editor. */
  async edit(text: string): Promise<void> {
    await this.page.waitForSelector('.cm-content');
    await this.page.locator('.cm-content').first().click();
    await this.page.keyboard.press('Control+A');
    await this.page.keyboard.insertText(text);
    await this.pass(400);
  }

  /** Fails on anything axe finds. */
  async sound(what: string): Promise<void> {
    // It has no frames, and nobody reads what has passed: both would cost most of the time.
    const axe = new AxeBuilder({ page: this.page }).setLegacyMode().options({ resultTypes: ['violations'], preload: false });
    const { violations } = await axe.withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']).analyze();
    const found = violations.flatMap((violation) => violation.nodes.map((node) => `${violation.id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`));
    expect(found, what).toEqual([]);
  }
}
