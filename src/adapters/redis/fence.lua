-- Publishes rows of the outbox behind the fence of their partition.
--
-- KEYS[1]  the fences: a hash, from partition to the position up to which rows went out
-- KEYS[2]  the stream of events, if there is one
-- ARGV     partition, position that is known to be out, for how long the fences live without a call (ms),
--          length of the stream, prefix of the channels; then each row: its position, how many events it has,
--          and of each of them its type and its payload
--
-- Answers {fence, events that went out, those of them that nobody heard}.  When Redis refused something, that
-- is the fourth element, and the row that it happened in is not behind the fence.
--
-- Positions are Lua's numbers: exact below 2^53, and Redis writes them in full.

local fences, stream = KEYS[1], KEYS[2]
local partition, known, fences_ms, length, prefix = unpack(ARGV, 1, 5)
local FIRST_ROW = 6

local fence, sent, unheard = tonumber(known), 0, 0
local checked = {}

-- Raises what Redis refuses as the text that its client would read.  (Redis 6.2 hides the code in it behind
-- the place of the call: '@user_script: 12: -OOM command not allowed'.)
local function ask(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    error(string.gsub(reply.err, '^@user_script: %d+: %-?', ''), 0)
  end
  return reply
end

-- A channel that is forbidden is found before anything of its row went out.  (Not before Redis 7: there the
-- stream has those events again at each repetition.)
local function check(first, last)
  for i = first, last, 2 do
    local channel = prefix .. ARGV[i]
    if not checked[channel] and redis.acl_check_cmd and not redis.acl_check_cmd('PUBLISH', channel, '') then
      error('NOPERM this user has no permissions to publish to the channel ' .. channel, 0)
    end
    checked[channel] = true
  end
end

local function keep(first, last)
  for i = first, last, 2 do
    ask('XADD', stream, 'MAXLEN', '~', length, '*', 'type', ARGV[i], 'data', ARGV[i + 1])
  end
end

local function tell(first, last)
  for i = first, last, 2 do
    local heard = ask('PUBLISH', prefix .. ARGV[i], ARGV[i + 1])
    sent = sent + 1
    if heard == 0 then
      unheard = unheard + 1
    end
  end
end

-- The stream first: of a row that it refuses nobody hears anything, however often it is repeated.
local function publish(position, first, last)
  check(first, last)
  if stream then
    keep(first, last)
  end
  tell(first, last)
  fence = position
  ask('HSET', fences, partition, fence)
end

local function publish_rows()
  fence = math.max(fence, tonumber(ask('HGET', fences, partition)) or 0)
  -- Also when it is there already: who may not write learns it by this, before anybody heard anything.
  ask('HSET', fences, partition, fence)
  ask('PEXPIRE', fences, fences_ms)

  local at = FIRST_ROW
  while at < #ARGV do
    local position, first = tonumber(ARGV[at]), at + 2
    local last = at + 1 + 2 * tonumber(ARGV[at + 1])
    -- What is below went out before; behind a gap nothing is next.
    if position == fence + 1 then
      publish(position, first, last)
    end
    at = last + 1
  end
end

local done, refusal = pcall(publish_rows)
if done then
  return {fence, sent, unheard}
end
return {fence, sent, unheard, {err = refusal}}
