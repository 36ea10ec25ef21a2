// Hub with channels, for the tests of the bell that need them.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { Hub, launch, openPage } from './harness.mjs';
import { UNLIMITED, bell, online } from './page.mjs';

const CONFIG = `
[auth]
methods = ["dev"]

[channels.push]
subject = "mailto:a@b.c"
allow_private = true

[channels.retry]
backoff_seconds = [1]

[[type]]
code = "NOTED"
title = "Note created"
template = "Note {title}"
target = "SELF"
channels = ["web", "email"]

[[type]]
code = "PUSHED"
title = "Lesson moved"
template = "The lesson is at {time}"
target = "SELF"
action_url = "/?user_id=pushed"
channels = ["web", "push"]

[[type]]
code = "LIKED"
title = "Likes"
template = '{actors|first} and {count|minus(1)} others liked "{title}"'
target = "SELF"
group_by = "note_id"
group_window = "1h"
channels = ["web", "email"]

[[type]]
code = "REPORTED"
title = "Reported"
template = "A lesson was reported"
target = "ADMIN"
channels = ["web", "email", "push"]

[[type]]
code = "ALARM"
title = "Alarm"
template = "Alarm"
target = "SELF"
priority = "HIGH"
mandatory = true
`;

/** Starts a hub with channels and a browser for the tests of a file, and stops them. */
export function useChannels() {
  const fixture = {
    api: (path) => fixture.hub.api('GET', path),
    note: (user, title) => fixture.hub.publish({ type: 'NOTED', user_id: user, title }),
    /** Opens the demo page as a user. */
    async open(user, options) {
      const page = await openPage(fixture.browser, fixture.hub, `/?user_id=${user}`, options);
      await online(page);
      return page;
    },
    /** Closes a page, which must not have reported errors. */
    async done(page) {
      assert.deepEqual(page.troubles, []);
      await page.context().close();
    },
  };
  before(async () => {
    fixture.hub = await Hub.start({ config: CONFIG, env: UNLIMITED });
    fixture.browser = await launch();
  });
  after(async () => {
    await fixture.browser?.close();
    await fixture.hub?.stop();
  });
  return fixture;
}

/** Text of the bar with the result of an action. */
export const result = (page) => bell(page).locator('.bar span');

/** Opens the settings of the bell. */
export async function openSettings(page) {
  if (!(await bell(page).locator('.panel').isVisible())) await bell(page).locator('.bell').click();
  await bell(page).getByRole('button', { name: 'Settings' }).click();
  await bell(page).locator('.save').waitFor();
}
