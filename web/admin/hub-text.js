import { Sentences as Matcher } from './hub-match.js';
import { isTranslated, t } from './translations.js';

/**
 * Sentences of the hub by their code, as the hub says them: the console translates by the code, and
 * shows the sentence of the hub where there is no translation.
 * @typedef {Record<string, string | string[]>} Sentences
 */

/** Reasons for which a valid event makes no notification. @type {Sentences} */
const SKIPPED = {
  no_type: 'no type {type}',
  invalid_type: "the type's row is invalid, so the type is off",
  inactive: 'the type is inactive',
  feed_only: 'the type has the target FEED, and no open live feed shows it',
  no_recipient: "no user matches the type's target",
  muted: 'all recipients muted the type',
};

/** Kinds of rejected events. */
const KINDS = /** @type {Record<string, string>} */ ({
  invalid_json: 'not JSON',
  too_large: 'too large',
  missing_field: 'a field is missing',
  invalid_field: 'a field is invalid',
  unprocessable: 'refused by strict publishing',
  template: 'the template failed',
  gave_up: 'given up after several attempts',
});

/** Reasons of the state of a delivery. @type {Sentences} */
export const DELIVERY = {
  deleted: 'the notification was deleted',
  seen_in_time: 'the notification was seen in time',
  read_in_time: 'the notification was read in time',
  quiet_hours: 'quiet hours',
  no_email: 'the person has no e-mail address',
  email_not_verified: 'the e-mail address is not verified',
  no_browser: 'no browser of the person receives Web Push',
  muted: 'the person has muted the type',
  muted_on_channel: 'the person has muted the type on {channel}',
  channel_off: 'the person has switched {channel} off',
  no_notification: 'the notification does not exist any more',
  read_in_quiet_hours: 'the notification was read during the quiet hours',
  read_before_digest: 'the notification was read before the digest',
  dealt_with_before_push: 'the notification was dealt with before the push',
  recalled: 'the event was recalled',
  channel_down: 'the other side is not reached',
  timeout: ['no answer within {seconds} s', 'no answer in time'],
  unreachable: ['not reached: {cause}', 'not reached'],
};

/** Faults of a field. @type {Sentences} */
export const FIELD = {
  missing: 'is missing',
  empty: 'must not be empty',
  too_long: 'has {length} characters; at most {max} are possible',
  range: 'must be from {min} to {max}',
  minimum: 'must be at least {min}',
  one_of: 'must be one of {values}',
  not_text: 'must be a string without NUL',
  not_a_string: 'must be a string',
  not_user_ids: 'must be a list of user ids',
  not_text_list: 'must be a list of strings',
  not_boolean: 'must be true or false',
  not_an_id: 'is not an ID',
  nul: 'must not have a NUL',
  user_id_empty: 'a user id must not be empty',
  user_id_too_long: 'a user id has at most {max} characters',
  user_id_control: 'a user id must not contain control characters',
  user_id_kind: 'a user id must be a string or a whole number',
  other_user: 'is not the one in the address',
  roles: 'must have at most {max} roles of 1 to {length} characters without control characters',
  not_email: '{address} is no e-mail address',
  not_language_tag: '{tag} is no language tag, such as id or pt-BR',
  time_zone: '{zone} is no IANA time zone, such as "Asia/Jakarta"',
  unknown_field: 'is not known; {known} are',
  not_an_object: 'is not a JSON object: {error}',
  too_many_fields: 'has more than {max} fields',
  no_header: 'the first line must name the fields, and user_id among them',
  targets: 'must name from 1 to {max} people',
  no_address: 'is missing: an e-mail address, or the ID of a user for push',
  not_one_line: 'must have at most {max} characters, on one line',
  type_code: 'must have 1 to {max} characters, such as "ORDER_SHIPPED"',
  type_code_space: 'has white space, which the types of events do not have; write {code}',
  unknown_channel: 'must be email, push or webhook:NAME of a configured webhook',
};

/** Reasons for which an event is rejected. @type {Sentences} */
export const EVENT = {
  needs_field: 'the type {type} has the target {target}, which needs {field}',
  template_needs: 'the template needs {field}, which the event does not have',
  template_failed: 'the template failed: {cause}',
  not_json: 'the payload is not JSON: {error}',
  no_type_named: 'the event names no type; add "type"',
  not_an_event: 'an event must be a JSON object',
  empty_batch: 'the batch has no event',
  large_batch: 'a batch has at most {max} events, this one has {count}',
  large_event: 'the event has {bytes} bytes, at most {max} are allowed',
  gave_up: 'given up after {attempts} failed attempts: {cause}',
};

/** Errors of a request as a whole. @type {Sentences} */
export const PROBLEM = {
  not_signed_in: 'sign in: send a token as "Authorization: Bearer"',
  token_expired: 'the token is not accepted: it has expired',
  token_invalid: 'the token is not accepted: it is not valid',
  token_refused: 'the token is not accepted: {why}',
  unknown_key: 'the API key is not known',
  session_over: 'the session is over; sign in again',
  identities_unavailable: 'identities cannot be checked now; try again',
  not_admin: 'administering needs the role admin, or a key with the scope admin',
  foreign_origin: 'requests from this origin are not allowed; add it to server.allowed_origins',
  store_unavailable: 'the store is unavailable; try again',
  overloaded: 'the hub has too much to do; try again',
  store_failed: 'the store rejected the request; see the log',
  no_client: 'no connection has this client_id',
  no_user: 'the directory does not have this user',
  no_delivery: 'there is no such delivery',
  no_dead_letter: 'there is no such dead letter',
  no_job: 'there is no such job',
  job_running: 'a job {kind} is running already; wait for it, or stop it',
  not_retried: 'the delivery is {state}; one that failed, was cancelled or skipped can be retried',
  no_channel: 'the channel {channel} is not configured',
  type_exists: 'there is a type {code} already',
  empty_file: 'the file is empty',
  not_utf8: 'the file is not UTF-8; save it as "CSV UTF-8"',
  no_users_in_file: 'the file has no users; nothing is removed',
  errors_in_file:
    'lines with errors: {count}; correct them first, because their users would be removed',
  other_count:
    'the import would remove {count} users, and {confirmed} were confirmed; check it again',
};

/** Reasons for which a token is refused. @type {string[]} */
export const TOKEN = [
  'this hub takes no tokens; add "jwt" to auth.methods',
  'it is neither a JSON Web Token nor a known API key',
  'the hub has no key for its algorithm (alg) and key ID (kid)',
  "its signature does not match: it was signed with another secret or key than the hub's",
  'it expired at {time}',
  'it is not valid before {time}',
  "its issuer (iss) is not the hub's auth.jwt_issuer",
  "its audience (aud) is not the hub's auth.jwt_audience",
  'its key cannot be fetched now; try again',
  'its claim {name} is missing or cannot be used',
  'its header demands an extension (crit) that is not known here',
];

/** All sentences, for texts that the hub sends without a code. */
const ALL = new Matcher(
  [...[DELIVERY, FIELD, EVENT, PROBLEM].flatMap((list) => Object.values(list)), TOKEN].flat(2),
);

/**
 * Returns a reason of the hub in the language of the console, as far as it is known.
 * @param {string} said
 */
export const reasonText = (said) => ALL.translated(said);

/**
 * Returns the name of the kind of a rejected event.
 * @param {string} kind
 */
export const kindName = (kind) => t(KINDS[kind] ?? kind);

/** Names of fields in the console. @type {Record<string, string>} */
const FIELDS = {
  user_id: 'User ID',
  login: 'Login',
  name: 'Name',
  email: 'E-mail',
  roles: 'Roles',
  locale: 'Locale',
  timezone: 'Time zone',
  message: 'Message',
  title: 'Title',
  target: 'Recipients',
  to: 'To',
};

/**
 * Returns the English sentence of a code whose values are all given.
 * @param {string | string[] | undefined} sentences
 * @param {Record<string, unknown>} params
 */
function sentenceOf(sentences, params) {
  const isComplete = (/** @type {string} */ one) =>
    [...one.matchAll(/\{(\w+)\}/g)].every(([, name]) => name in params);
  return [sentences ?? []].flat().find(isComplete);
}

/**
 * Returns a sentence of the hub in the language of the console.
 * @param {Sentences} sentences
 * @param {string} said  What the hub says.
 * @param {string | null | undefined} code
 * @param {Record<string, unknown> | null} [params]
 */
function translated(sentences, said, code, params) {
  const sentence = sentenceOf(code ? sentences[code] : undefined, params ?? {});
  if (!sentence || !isTranslated(sentence)) return ALL.translated(said);
  return t(sentence, ALL.nested(params ?? {}));
}

/**
 * Returns why an event was rejected, with its kind if the sentence has no translation.
 * @param {string} said
 * @param {string} kind
 * @param {any} message  Code of the sentence and the values in it; null for none.
 */
function rejection(said, kind, message) {
  const { code, params } = message ?? {};
  const sentence = translated(EVENT, said, code, params);
  if (sentence !== said) return sentence;
  const fault = translated(FIELD, said, code, params);
  if (fault !== said) return `${params.field}: ${fault}`;
  return isTranslated(kind) ? `${t(kind)}: ${said}` : said;
}

/**
 * Returns why an event made no notification.
 * @param {string} said
 * @param {string | null} code
 * @param {any} [params]
 * @param {any} [message]
 */
export function eventReason(said, code, params, message) {
  const kind = KINDS[code ?? ''];
  if (kind) return rejection(said, kind, message);
  const sentence = translated(SKIPPED, said, code, params);
  if (sentence === said || !params?.suggestion) return sentence;
  return `${sentence}; ${t('did you mean {suggestion}?', params)}`;
}

/**
 * Returns the reason of a delivery's state; null for none.
 * @param {any} delivery
 * @param {(channel: string) => string} channelName
 */
export function deliveryReason({ reason, reason_code: code, reason_params: params }, channelName) {
  if (!reason) return null;
  const named = params?.channel ? { ...params, channel: channelName(params.channel) } : params;
  return translated(DELIVERY, reason, code, named);
}

/**
 * Returns what is wrong with a field.
 * @param {any} error
 */
export const fieldText = ({ detail, code, params }) => translated(FIELD, detail, code, params);

/**
 * Returns the name of a field.
 * @param {string} field
 */
export const fieldName = (field) => (FIELDS[field] ? t(FIELDS[field]) : field);

/**
 * Returns what an error response says.
 * @param {any} problem
 */
export function problemText({ detail, code, params, errors = [] }) {
  if (code) return translated(PROBLEM, detail, code, params);
  const [first] = errors;
  if (errors.length !== 1 || !first.code) return detail;
  const text = fieldText(first);
  return text === first.detail ? detail : `${fieldName(first.field ?? '')}: ${text}`;
}
