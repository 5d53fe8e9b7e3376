import { hash } from "node:crypto";

/** A program that Redis runs as one step. It is sent once, and named afterwards. */
export class Script {
  readonly text: string;
  readonly digest: string;

  constructor(text: string) {
    this.text = text;
    // Redis names scripts so; nothing is secret about them.
    this.digest = hash("sha1", text, "hex");
  }
}

/** A value's version stands before it, up to the first colon. */
export const PUT = new Script(`
local held = redis.call('GET', KEYS[1])
local version = held and tonumber(string.match(held, '^%d+')) or 0
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], string.format('%.0f', version + 1) .. ':' .. ARGV[2], 'PX', ARGV[3])
return 1
`);

export const TAKE = new Script(`
local held = redis.call('GET', KEYS[1])
if not held or tonumber(string.match(held, '^%d+')) ~= tonumber(ARGV[1]) then return 0 end
return redis.call('DEL', KEYS[1])
`);

/** Of each key a time, 0 to delete it, and a value. */
export const WRITE = new Script(`
for at, key in ipairs(KEYS) do
  local ttl = ARGV[2 * at - 1]
  if ttl == '0' then redis.call('DEL', key)
  else redis.call('SET', key, ARGV[2 * at], 'PX', ttl) end
end
return 1
`);

export const TOUCH = new Script(`
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[1]) end
return 1
`);

/**
 * The time, in milliseconds, on the clock of Redis: names in sets come with how long they count, so that
 * the clocks of nodes need not agree.
 */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** A set lives for as long as the name that counts longest. */
const LIVE = `
local newest = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if newest[2] then redis.call('PEXPIREAT', KEYS[1], newest[2]) end
`;

/** Forgets those whose time is over, which also keeps a set from growing. */
const FORGET = `redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)`;

export const ADD = new Script(`${NOW}${FORGET}
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
${LIVE}return 1
`);

export const ADD_UNLESS_FULL = new Script(`${NOW}${FORGET}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then
  return 0
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
${LIVE}return 1
`);

export const LIST = new Script(`${NOW}
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf')
`);
