"""What each person takes of the live prices, in all web processes together: sockets, and assets that these follow.

In Redis, by person: which web processes have sockets of theirs, each with a lease; the assets of each socket; how many
sockets follow each asset. Every change is one script, so that two processes cannot both take the last place. A process
that is killed renews nothing, and what its sockets took is free again when its lease has run out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from redis.asyncio import Redis

PREFIX = "portfolio-live:places"
TIMEOUT = 2.0

# KEYS: leases of processes, assets by socket, sockets by asset. A socket's field begins with its process's name.
_BEGIN = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function each(field, change)
  for asset in string.gmatch(redis.call('HGET', KEYS[2], field) or '', '%d+') do change(asset) end
end
local function unfollow(asset)
  if redis.call('HINCRBY', KEYS[3], asset, -1) <= 0 then redis.call('HDEL', KEYS[3], asset) end
end
local function forget(process)
  for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
    if string.sub(field, 1, #process + 1) == process .. ':' then
      each(field, unfollow)
      redis.call('HDEL', KEYS[2], field)
    end
  end
  redis.call('ZREM', KEYS[1], process)
end
for _, process in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)) do forget(process) end
local process = ARGV[1]
local function lease(life)
  redis.call('ZADD', KEYS[1], now + life, process)
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 10 * life) end
end
"""

# ARGV: process, life in ms, socket, most sockets, most assets, 1 for all or nothing, then the assets.
# Answers false without a place for the socket, else the assets that it may follow: of those, as many as there is room.
_TAKE = (
    _BEGIN
    + """
local field = process .. ':' .. ARGV[3]
local known = redis.call('HEXISTS', KEYS[2], field) == 1
if not known and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[4]) then return false end
local before = {}
each(field, function(asset) table.insert(before, asset) end)
for _, asset in ipairs(before) do unfollow(asset) end
local function follow(wanted)
  local room, granted = tonumber(ARGV[5]) - redis.call('HLEN', KEYS[3]), {}
  for _, asset in ipairs(wanted) do
    local fresh = redis.call('HEXISTS', KEYS[3], asset) == 0
    if not fresh or room > 0 then
      if fresh then room = room - 1 end
      redis.call('HINCRBY', KEYS[3], asset, 1)
      table.insert(granted, asset)
    end
  end
  return granted
end
local wanted = {}
for i = 7, #ARGV do table.insert(wanted, ARGV[i]) end
local granted = follow(wanted)
if ARGV[6] == '1' and #granted < #wanted then
  for _, asset in ipairs(granted) do unfollow(asset) end
  granted = follow(before)
end
redis.call('HSET', KEYS[2], field, table.concat(granted, ' '))
lease(tonumber(ARGV[2]))
return granted
"""
)

# ARGV: process, socket.
_LEAVE = (
    _BEGIN
    + """
local field = process .. ':' .. ARGV[2]
each(field, unfollow)
redis.call('HDEL', KEYS[2], field)
"""
)

# ARGV: process, life in ms, then each of its sockets with the assets that it follows, in one word with spaces.
_RENEW = (
    _BEGIN
    + """
forget(process)
for i = 3, #ARGV, 2 do
  local field = process .. ':' .. ARGV[i]
  redis.call('HSET', KEYS[2], field, ARGV[i + 1])
  each(field, function(asset) redis.call('HINCRBY', KEYS[3], asset, 1) end)
end
if #ARGV > 2 then lease(tonumber(ARGV[2])) end
"""
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How many sockets one person may have, and how many assets all of them may follow together."""

    sockets: int
    assets: int


class Places:
    """What the sockets of this web process take of each person's share. Raises what the client of Redis raises."""

    def __init__(self, process: str, url: str = "") -> None:
        self._process, self._life = process, int(settings.LIVE_LEASE * 1000)
        self._redis = Redis.from_url(
            url or settings.REDIS_URL, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT / 2
        )
        self._take, self._leave, self._renew = map(self._redis.register_script, (_TAKE, _LEAVE, _RENEW))

    async def take(
        self, user_id: int, socket: str, assets: Sequence[int], limits: Limits, *, whole: bool = False
    ) -> set[int] | None:
        """Let a socket follow ``assets``, in place of those before, or as many as there is room for, the first ones
        first; with ``whole`` all of them, or those before. None: there is no place for another socket."""
        given: list[str | int] = [self._process, self._life, socket, limits.sockets, limits.assets, int(whole), *assets]
        granted = await self._take(keys=_keys(user_id), args=given)
        return None if granted is None else {int(asset) for asset in granted}

    async def leave(self, user_id: int, socket: str) -> None:
        await self._leave(keys=_keys(user_id), args=[self._process, socket])

    async def renew(self, user_id: int, sockets: Mapping[str, Collection[int]]) -> None:
        """Keep what these sockets follow for another LIVE_LEASE, whatever the limits say: it was granted before. What
        else this process has of the person is free again, as the place of a socket that could not be given back."""
        given = [word for name, assets in sockets.items() for word in (name, " ".join(map(str, assets)))]
        await self._renew(keys=_keys(user_id), args=[self._process, self._life, *given])

    async def rest(self) -> None:
        """Close the connections that nobody uses at the moment."""
        await self._redis.connection_pool.disconnect(inuse_connections=False)


def _keys(user_id: int) -> list[str]:
    """In one slot of a cluster."""
    return [f"{PREFIX}:{{{user_id}}}:{what}" for what in ("processes", "sockets", "assets")]
