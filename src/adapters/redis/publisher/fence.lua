-- Publishes rows of the outbox behind the fence of their partition.
--
-- KEYS[1]  the fences: a hash, from partition to the position up to which rows went out
-- KEYS[2]  the stream of events, if there is one
-- ARGV     partition, position that is known to be out, for how long the fences live without a call (ms),
--          length of the stream, prefix of the channels; position of the first row, and of it and each that
--          follows it how many events it has, "2 0 1"; then of each event its type and its payload
--
-- Answers {fence, events that went out, those of them without a subscriber}.  When Redis refused something, that
-- is the fourth element, and the row that it happened in is not behind the fence.
--
-- Positions are Lua's numbers: exact below 2^53, and Redis writes them in full.
--
-- What is here once an event is most of what an event costs in Redis: it asks for nothing but XADD and PUBLISH.

local fences, stream = KEYS[1], KEYS[2]
local partition, known, fences_ms, length, prefix, first, counts = unpack(ARGV, 1, 7)
local FIRST_EVENT = 8

local args, last_event, call = ARGV, #ARGV - 1, redis.call
local fence, sent, unheard = tonumber(known), 0, 0
local channels = {}

-- The channel of a type.  One that is forbidden is found before anything of its row went out.  (Not before
-- Redis 7: there the stream has those events again at each repetition.)
local function open(name)
  local channel = prefix .. name
  if redis.acl_check_cmd and not redis.acl_check_cmd('PUBLISH', channel, '') then
    error('NOPERM this user has no permissions to publish to the channel ' .. channel, 0)
  end
  channels[name] = channel
end

local function check(from, to)
  for i = from, to, 2 do
    if not channels[args[i]] then
      open(args[i])
    end
  end
end

-- The last one trims, for all.
local function keep(from, to)
  for i = from, to, 2 do
    if i < last_event then
      call('XADD', stream, '*', 'type', args[i], 'data', args[i + 1])
    else
      call('XADD', stream, 'MAXLEN', '~', length, '*', 'type', args[i], 'data', args[i + 1])
    end
  end
end

local function tell(from, to)
  for i = from, to, 2 do
    if call('PUBLISH', channels[args[i]], args[i + 1]) == 0 then
      unheard = unheard + 1
    end
    sent = sent + 1
  end
end

-- The stream first: no event of a row that the stream refuses is published, at any retry.
local function publish(from, to)
  check(from, to)
  if stream then
    keep(from, to)
  end
  tell(from, to)
  fence = fence + 1
end

local function begin()
  fence = math.max(fence, tonumber(call('HGET', fences, partition)) or 0)
  -- Also when it is set already: a write that Redis forbids (READONLY, NOPERM) fails here, before any event is sent.
  call('HSET', fences, partition, fence)
  call('PEXPIRE', fences, fences_ms)
end

local function publish_rows()
  local position, from = tonumber(first), FIRST_EVENT
  for count in string.gmatch(counts, '%d+') do
    local to = from + 2 * count - 1
    -- What is below went out before; behind a gap nothing is next.
    if position == fence + 1 then
      publish(from, to)
    end
    position, from = position + 1, to + 1
  end
end

-- As its client would read it.  (Redis 6.2 raises a text, and hides the code in it behind the place of the
-- call: '@user_script: 12: -OOM command not allowed'.)
local function text_of(refusal)
  if type(refusal) == 'table' then
    refusal = refusal.err
  end
  return (string.gsub(refusal, '^@user_script: %d+: %-?', ''))
end

local done, refusal = pcall(begin)
if done then
  done, refusal = pcall(publish_rows)
  -- Save the fence also when a later row failed.
  call('HSET', fences, partition, fence)
end
if done then
  return {fence, sent, unheard}
end
return {fence, sent, unheard, {err = text_of(refusal)}}
