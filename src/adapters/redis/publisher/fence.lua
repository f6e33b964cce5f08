-- Publishes rows of the outbox behind the fence of their partition.
--
-- KEYS[1]  the fences: a hash, from partition to the position up to which rows were published; and from
--          "timeline:SYSTEM" to the newest timeline of that database system for which it was called
-- KEYS[2]  the stream of events, if there is one
-- ARGV     partition, position up to which rows are known to be published, lifetime of the fences after the
--          last call (ms), length of the stream, prefix of the channels, system and timeline of the database
--          (empty: not known), position of the first row, number of events of each row ("2 0 1"); then the
--          type and the payload of each event
--
-- Returns {fence, events published, {each type that has no subscriber}}: the subscribers of a channel do not
-- change during a call.  When Redis refused a command, the error is the fourth element, and the fence has not
-- moved past the row of that command.  The error FENCED: there is a newer timeline; nothing was done.
--
-- Positions are Lua's numbers: exact below 2^53, and Redis writes them in full.
--
-- The commands for an event are most of its cost in Redis, so each event costs only XADD and PUBLISH.

local fences, stream = KEYS[1], KEYS[2]
local partition, known, fences_ms, length, prefix, system, timeline, first, counts = unpack(ARGV, 1, 9)
local FIRST_EVENT = 10

local args, last_event, call = ARGV, #ARGV - 1, redis.call
local fence, sent, unheard = tonumber(known), 0, {}
local channels = {}

-- Notes the channel of a type.  A forbidden channel is detected before any event of its row is sent.  (Before
-- Redis 7 it is not: each retry adds those events to the stream again.)
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

-- Only the call's last XADD trims the stream.
local function keep(from, to)
  for i = from, to, 2 do
    if i < last_event then
      call('XADD', stream, '*', 'type', args[i], 'data', args[i + 1])
    else
      call('XADD', stream, 'MAXLEN', '~', length, '*', 'type', args[i], 'data', args[i + 1])
    end
  end
end

local function send(from, to)
  for i = from, to, 2 do
    if call('PUBLISH', channels[args[i]], args[i + 1]) == 0 then
      unheard[args[i]] = true
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
  send(from, to)
  fence = fence + 1
end

-- What the caller knows may be from a server that was replaced, with rows that its successor never had.
local function follow_timeline()
  local field = 'timeline:' .. system
  local newest = call('HGET', fences, field) or '0'
  if tonumber(timeline, 16) < tonumber(newest, 16) then
    error('FENCED another worker has published on timeline ' .. newest .. ' of the database, and this one is on ' ..
      timeline, 0)
  end
  if timeline ~= newest then
    call('HSET', fences, field, timeline)
  end
end

local function begin()
  if timeline ~= '' then
    follow_timeline()
  end
  fence = math.max(fence, tonumber(call('HGET', fences, partition)) or 0)
  -- Write it even if it is unchanged: a write that Redis forbids (READONLY, NOPERM) fails here, before any
  -- event is sent.
  call('HSET', fences, partition, fence)
  call('PEXPIRE', fences, fences_ms)
end

local function publish_rows()
  local position, from = tonumber(first), FIRST_EVENT
  for count in string.gmatch(counts, '%d+') do
    local to = from + 2 * count - 1
    -- Rows below were published before; rows above follow a gap.
    if position == fence + 1 then
      publish(from, to)
    end
    position, from = position + 1, to + 1
  end
end

-- The error as a client would receive it.  (Redis 6.2 raises a text in which the place of the call precedes
-- the code: '@user_script: 12: -OOM command not allowed'.)
local function text_of(refusal)
  if type(refusal) == 'table' then
    refusal = refusal.err
  end
  return (string.gsub(refusal, '^@user_script: %d+: %-?', ''))
end

local function listed(set)
  local list = {}
  for name in pairs(set) do
    list[#list + 1] = name
  end
  return list
end

local done, refusal = pcall(begin)
if done then
  done, refusal = pcall(publish_rows)
  -- Save the fence even if a later row failed.
  call('HSET', fences, partition, fence)
end
if done then
  return {fence, sent, listed(unheard)}
end
return {fence, sent, listed(unheard), {err = text_of(refusal)}}
