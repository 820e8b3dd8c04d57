import { expect, test } from './frame_page.ts';

test('a run is driven by keys alone', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('Space');
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  await expect(page.getByText('Paused', { exact: true })).toBeVisible();
  await page.keyboard.press('.');
  await expect.poll(() => frame.requests('step')).toHaveLength(1);
  await page.keyboard.press('Space');
  await expect(page.getByRole('button', { name: 'Pause' })).toBeVisible();
  expect(await frame.requests('pause')).toHaveLength(1);
  expect(await frame.requests('resume')).toHaveLength(1);
});

test('Tab reaches every control in reading order, and the focus is visible', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  const names: string[] = [];
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const name = await page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement) || element === document.body) return undefined;
      const shown = element.closest<HTMLElement>('.number, .slider-thumb') ?? element;
      const visible = getComputedStyle(shown);
      if (visible.outlineStyle === 'none' && visible.boxShadow === 'none')
        throw new Error(`no visible focus on ${element.outerHTML.slice(0, 200)}`);
      const labelled = element.getAttribute('aria-labelledby')?.split(' ')[0];
      const label = labelled === undefined ? null : document.getElementById(labelled);
      return element.getAttribute('aria-label') ?? label?.textContent ?? element.textContent ?? '';
    });
    if (name === undefined) break;
    names.push(name);
  }
  const order = [
    'demo-lm',
    'Pause',
    'Stop',
    'Export',
    'Command palette',
    'Live',
    'Expert cache, slots',
    'Eviction',
    'Devices',
    'Prompts',
    'Batch',
  ];
  const places = order.map((word) => names.findIndex((name) => name.startsWith(word)));
  expect(
    places.every((place) => place >= 0),
    `${order}\n${names}`,
  ).toBe(true);
  expect(places).toEqual([...places].sort((a, b) => a - b));
});

test('the palette finds a command by its letters and runs it', async ({ frame }) => {
  const { page } = frame;
  await frame.open({ theme: 'dark' });
  await page.keyboard.press('Control+k');
  await page.keyboard.type('light th');
  await expect(page.getByRole('option').first()).toContainText('Light theme');
  await page.keyboard.press('Enter');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await expect(page.getByRole('dialog')).toBeHidden();
  await page.keyboard.press('Control+Shift+P');
  await expect(page.getByRole('combobox', { name: 'Command' })).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
});

test('hotkeys are off in text fields', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.getByRole('combobox', { name: /^Prompts/ }).click();
  await page.getByRole('option', { name: /Own text/ }).click();
  const field = page.locator('.own-text textarea');
  await field.fill('One prompt. And t, l, ?');
  await field.press('Space');
  await field.press('t');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  expect(await frame.requests('pause')).toHaveLength(0);
});

test('the sheet lists hotkeys, and single keys switch the window', async ({ frame }) => {
  const { page } = frame;
  await frame.open();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard shortcuts' })).toContainText('Run one step');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toBeHidden();
  await page.keyboard.press('Control+b');
  await expect(page.getByRole('complementary', { name: 'Settings' })).toBeHidden();
  await page.keyboard.press('l');
  await expect(page.getByRole('log')).toContainText('Opened demo-lm');
  await page.keyboard.press('t');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
});
