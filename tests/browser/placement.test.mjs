// The panel on pages of other sites: it opens where it is visible as a whole.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { until } from './harness.mjs';
import { becomes, bell, items, useSite } from './page.mjs';

describe('the panel on other pages', () => {
  const { note, open } = useSite();

  /** The panel's edges, and those of what is visible. */
  const edges = (page) =>
    bell(page)
      .locator('.panel')
      .evaluate((panel) => {
        const { left, right, top, bottom } = panel.getBoundingClientRect();
        // Topmost elements at two corners and in the middle.
        const inset = 20;
        const points = [
          [left + inset, top + inset],
          [right - inset, bottom - inset],
          [(left + right) / 2, (top + bottom) / 2],
        ];
        const root = panel.getRootNode();
        const covered = points.filter(
          ([x, y]) => !panel.contains(root.elementFromPoint(x, y)),
        ).length;
        return {
          left,
          right,
          top,
          bottom,
          covered,
          width: document.documentElement.clientWidth,
          height: document.documentElement.clientHeight,
        };
      });

  const places = {
    'at the right edge with an icon beside it': `
      <header style="display:flex;justify-content:flex-end;overflow:hidden;height:48px">
        <lonceng-bell user-id="place"></lonceng-bell><span style="width:60px"></span></header>`,
    'at the bottom of the page': `
      <footer style="position:fixed;bottom:0;left:50%;transform:translateX(-50%)">
        <lonceng-bell user-id="place"></lonceng-bell></footer>`,
    'at the left edge': `<header style="overflow:hidden;contain:paint;height:48px">
        <lonceng-bell user-id="place"></lonceng-bell></header>
        <div style="position:relative;z-index:99;background:#fff;height:900px"></div>`,
  };
  for (const [where, html] of Object.entries(places)) {
    for (const [width, height] of [
      [1280, 800],
      [768, 700],
      [480, 640],
      [390, 780],
      [320, 568],
    ]) {
      test(`the whole panel is visible: ${where}, ${width} px`, async () => {
        await note('place', 'One');
        const page = await open(html, { viewport: { width, height } });
        await becomes(page, 'online');
        await bell(page).locator('.bell').click();
        await until('something is listed', async () => (await items(page).count()) > 0);
        const at = await edges(page);
        assert.ok(
          at.left >= 0 && at.top >= 0 && at.right <= at.width && at.bottom <= at.height,
          JSON.stringify(at),
        );
        assert.equal(at.covered, 0, `nothing of the page lies over it: ${JSON.stringify(at)}`);
        if (width < 480)
          assert.deepEqual([at.left, at.right, at.bottom], [0, at.width, at.height], 'a sheet');
        else assert.ok(at.bottom - at.top > 150, JSON.stringify(at));
        await page.context().close();
      });
    }
  }

  for (const [lang, width] of ['en', 'id'].flatMap((lang) =>
    [320, 360, 375, 390, 480, 1280].map((width) => [lang, width]),
  )) {
    test(`no button of the panel is cut off: ${lang}, ${width} px`, async () => {
      await note('cut', 'One');
      const page = await open(`<lonceng-bell user-id="cut" lang="${lang}"></lonceng-bell>`, {
        viewport: { width, height: 700 },
      });
      await becomes(page, 'online');
      await bell(page).locator('.bell').click();
      await until('it is listed', async () => (await items(page).count()) > 0);
      const cut = await bell(page)
        .locator('.panel')
        .evaluate((panel) => {
          const { left, right } = panel.getBoundingClientRect();
          const buttons = [...panel.querySelectorAll('.head button, .tabbar button')];
          const isCut = (one) => {
            const box = one.getBoundingClientRect();
            const over = one.scrollWidth > one.clientWidth;
            return box.left < left || box.right > right || over;
          };
          return buttons
            .filter((one) => one.checkVisibility() && isCut(one))
            .map((one) => one.textContent || one.ariaLabel);
        });
      assert.deepEqual(cut, []);
      // Each tab is where it can be pressed.
      for (const tab of await bell(page).getByRole('tab').all()) await tab.click();
      await page.context().close();
    });
  }

  test('placement decides where the panel opens, as long as it fits', async () => {
    const page = await open(
      `<div style="position:absolute;left:500px;top:600px">
        <lonceng-bell user-id="place" placement="top-start"></lonceng-bell></div>`,
    );
    await becomes(page, 'online');
    await bell(page).locator('.bell').click();
    const button = await bell(page).locator('.bell').boundingBox();
    let at = await edges(page);
    assert.ok(at.bottom <= button.y && Math.abs(at.left - button.x) < 2, JSON.stringify(at));
    await page.evaluate(() =>
      document.querySelector('lonceng-bell').setAttribute('placement', 'auto'),
    );
    await page.keyboard.press('Escape');
    await bell(page).locator('.bell').click();
    at = await edges(page);
    assert.ok(at.bottom <= button.y, 'there is more room above');
    assert.ok(Math.abs(at.right - (button.x + button.width)) < 2, JSON.stringify(at));
    await page.context().close();
  });
});
