// A train.yaml that was damaged elsewhere: where it is wrong is told, and both ways out are open.
import { beforeEach, expect, test } from 'vitest';
import { t } from '../src/text';
import { violations } from './axe';
import { setStage } from './stage';

const stage = setStage();
let { mock, url, page, problems } = stage;
beforeEach(async () => {
  ({ mock, url, page, problems } = stage);
  mock.yaml = 'name: ada\ntrain:\n  niter: many\n';
  await page.goto(`${url}/#/configure/ada`);
});
const button = (name: string) => page.getByRole('button', { name, exact: true });
const wrong = () => page.locator('.gutter .wrong');

test('the YAML has its mark as soon as it is shown, and keeps none that is mended', async () => {
  await button('YAML').click();
  await wrong().waitFor();
  expect(await wrong().innerText()).toBe('3');
  await page.getByRole('alert').getByText('niter must be a whole number').waitFor();
  const area = page.getByRole('textbox', { name: 'train.yaml' });
  expect(await area.evaluate((box) => box === document.activeElement)).toBe(false);
  expect(await violations(page)).toEqual([]);
  await area.fill('name: ada\ntrain:\n  niter: 90\n');
  await wrong().waitFor({ state: 'detached' });
  await button(t.configure.revert).click();
  await wrong().waitFor();
  expect(problems).toEqual([]);
});

test('the form says that it shows defaults, leads to the YAML, and can be saved as it is', async () => {
  const note = page.getByRole('alert');
  await note.getByText(t.configure.defaultsInstead).waitFor();
  await note.getByText('write the configuration again at “Configure”').waitFor();
  expect(await violations(page)).toEqual([]);
  await button(t.configure.toYaml).click();
  await wrong().waitFor();
  await button(t.configure.form).click();
  await button(t.configure.saveAndValidate).waitFor();
  await button(t.configure.save).click();
  await expect.poll(() => mock.yaml).toContain('niter: 1500');
  await note.waitFor({ state: 'detached' });
  await button(t.configure.validate).waitFor();
  expect(problems).toEqual([]);
});
