"""Classes: an event-driven model of a post office, with subclasses, properties, callbacks and message objects."""
import heapq
import random
import sys
import zlib

PARCELS = int(sys.argv[1]) if len(sys.argv) > 1 else 75000


class Event:
    serial = 0

    def __init__(self, time, target, action, payload):
        Event.serial += 1
        self.order = Event.serial
        self.time = time
        self.target = target
        self.action = action
        self.payload = payload

    def __lt__(self, other):
        return (self.time, self.order) < (other.time, other.order)

    def fire(self, world):
        getattr(self.target, "on_" + self.action)(world, self.payload)


class Parcel:
    def __init__(self, number, weight, goal):
        self.number = number
        self.weight = weight
        self.goal = goal
        self.history = []

    @property
    def is_heavy(self):
        return self.weight > 800

    def stamp(self, time, station):
        self.history.append((time, station.name))


class Station:
    delay = 3

    def __init__(self, name):
        self.name = name
        self.neighbours = []
        self.handled = 0
        self.waiting = []

    def on_arrive(self, world, parcel):
        self.handled += 1
        parcel.stamp(world.time, self)
        if parcel.goal is self:
            world.finish(parcel)
        else:
            self.forward(world, parcel)

    def choose(self, parcel):
        if len(parcel.history) > 12:
            return parcel.goal
        return self.neighbours[(parcel.number + len(parcel.history)) % len(self.neighbours)]

    def forward(self, world, parcel):
        world.post(self.delay + parcel.is_heavy, self.choose(parcel), "arrive", parcel)


class Hub(Station):
    """Knows every station, so that it sends straight to the goal."""
    delay = 1

    def choose(self, parcel):
        return parcel.goal


class Depot(Station):
    """Sends in batches."""
    batch = 8

    def forward(self, world, parcel):
        self.waiting.append(parcel)
        if len(self.waiting) >= self.batch:
            batch, self.waiting = self.waiting, []
            for each in batch:
                super().forward(world, each)


class World:
    def __init__(self):
        self.time = 0
        self.queue = []
        self.done = []

    def post(self, delay, target, action, payload):
        heapq.heappush(self.queue, Event(self.time + delay, target, action, payload))

    def finish(self, parcel):
        self.done.append(parcel)

    def run(self):
        while self.queue:
            event = heapq.heappop(self.queue)
            self.time = event.time
            event.fire(self)


def main():
    rng = random.Random(19)
    stations = [rng.choice((Station, Station, Depot, Hub))("station-%d" % i) for i in range(60)]
    for station in stations:
        station.neighbours = rng.sample(stations, 5)
    world = World()
    for number in range(PARCELS):
        parcel = Parcel(number, rng.randrange(50, 1000), rng.choice(stations))
        world.post(rng.randrange(PARCELS), rng.choice(stations), "arrive", parcel)
    world.run()
    crc = 0
    for parcel in world.done:
        crc = zlib.crc32(repr(parcel.history).encode(), crc)
    print("classes", len(world.done), sum(s.handled for s in stations), world.time, "%08x" % crc)


main()
