import AxeBuilder from '@axe-core/playwright';
import { expect, type Page } from '@playwright/test';

/** What axe finds serious or critical in a part of the page, one line each. */
export async function seriousFindings(page: Page, part: string): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).include(part).analyze();
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
}

/** Presses Tab until a control of this name has the focus, as a person without a mouse would. */
export async function tabTo(page: Page, name: string | RegExp, most = 90): Promise<void> {
  const isIt = (label: string) => (typeof name === 'string' ? label === name : name.test(label));
  const seen: string[] = [];
  for (let i = 0; i < most; i++) {
    await page.keyboard.press('Tab');
    const label = await page.evaluate(() => {
      const element = document.activeElement;
      if (!(element instanceof HTMLElement) || element === document.body) return '';
      const labels = element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : undefined;
      return (element.getAttribute('aria-label') ?? labels ?? element.textContent ?? '').trim();
    });
    if (isIt(label)) return;
    seen.push(label);
  }
  expect(seen, `Tab never reached ${name}`).toContain(String(name));
}

/** Texts of a table's body, row by row, the row's header first. */
export async function cellTexts(page: Page, rows: string): Promise<string[][]> {
  return page
    .locator(rows)
    .evaluateAll((elements) =>
      elements.map((row) => [...row.children].map(({ textContent }) => (textContent ?? '').trim())),
    );
}
