-- What wrk sends for wrk.py, by the arguments behind `--`: `post NAME SKUS`, a line of a new order each time, or
-- `get NAME COUNT`, the allocations of the orders NAME-1 to NAME-COUNT in turn.

-- The first request is only checked by wrk, and not sent.
local number = -1
local mode, name, count

function init(arguments)
	mode, name, count = arguments[1], arguments[2], tonumber(arguments[3])
end

local POST = "POST /allocate HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
local ORDER = '{"orderid":"%s-%d","sku":"sku-%d","qty":1}'
local GET = "GET /allocations/%s-%d HTTP/1.1\r\nHost: %s\r\n\r\n"

function request()
	number = number + 1
	if mode == "get" then
		return GET:format(name, number % count + 1, wrk.headers.Host)
	end
	local order = ORDER:format(name, number, number % count + 1)
	return POST:format(wrk.headers.Host, #order, order)
end

-- An answer with a status of 400 or more is an error, too.
function done(summary, latency)
	local errors = summary.errors
	local failed = errors.connect + errors.read + errors.write + errors.timeout + errors.status
	io.stderr:write(string.format(
		'{"seconds": %f, "answers": %d, "errors": %d, "p50": %f, "p99": %f}',
		summary.duration / 1e6, summary.requests, failed, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
	))
end
