"""Lua scripts of the run log: Redis runs each as one step, so of several processes that note an end one succeeds."""

from __future__ import annotations

# KEYS: running, ended, failures of the site; sites, dropped of the bench. ARGV: run, whether its begin is known to have
# reached Redis, ended, failure, most runs that wait, most failures, life in seconds, prefix of the keys of the bench's
# sites, site, runs before this one whose end did not reach Redis.
#
# The sites' hash holds the first position of each stream, by which a stream is known that was made anew. Now and then
# the lengths of the sites' streams are added up, and the longest is cut: a flood on one site costs the others nothing.
END = """
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 and ARGV[2] == '1' then return 0 end
local function bound(kind, limit)
	local total, longest, size = 0, '', 0
	for _, site in ipairs(redis.call('HKEYS', KEYS[4])) do
		local length = redis.pcall('XLEN', ARGV[8] .. site .. kind)
		if type(length) == 'number' then
			total = total + length
			if length > size then longest, size = site, length end
		end
	end
	if total <= limit then return '', 0 end
	return longest, redis.call('XTRIM', ARGV[8] .. longest .. kind, 'MAXLEN', math.max(0, size - total + limit))
end
local anew = redis.call('EXISTS', KEYS[2]) == 0
local about = ''
if ARGV[4] ~= '' then about = redis.call('XADD', KEYS[3], '*', 'f', ARGV[4]) end
local at = redis.call('XADD', KEYS[2], '*', 'r', ARGV[3], 'f', about)
if anew then redis.call('HSET', KEYS[4], ARGV[9], at) end
if ARGV[10] ~= '0' then redis.call('HINCRBY', KEYS[5], ARGV[9], ARGV[10]) end
if redis.call('XLEN', KEYS[2]) % 256 == 0 then
	local site, number = bound(':ended', tonumber(ARGV[5]))
	if number > 0 then redis.call('HINCRBY', KEYS[5], site, number) end
end
if about ~= '' and redis.call('XLEN', KEYS[3]) % 64 == 0 then bound(':failures', tonumber(ARGV[6])) end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[7]) end
return 1
"""

# KEYS: noted. ARGV: job, time, and so on. Of several runs of a job the later end is kept.
NOTE = """
for at = 1, #ARGV, 2 do
	if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[at]) or 0) < tonumber(ARGV[at + 1]) then
		redis.call('ZADD', KEYS[1], ARGV[at + 1], ARGV[at])
	end
end
"""
