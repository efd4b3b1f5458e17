"""Joins and groups a hundred thousand rows in SQLite."""
import sqlite3

database = sqlite3.connect(":memory:")
database.execute("create table orders (id integer primary key, customer integer, amount integer)")
database.execute("create table customers (id integer primary key, region integer)")
database.executemany("insert into customers values (?, ?)", ((n, n % 17) for n in range(2_000)))
rows = ((n, n * 7919 % 2_000, n * 104_729 % 9_973) for n in range(100_000))
database.executemany("insert into orders values (?, ?, ?)", rows)
query = """select region, count(*), sum(amount), max(amount) from orders join customers on customers.id = customer
           where amount % 3 > 0 group by region order by sum(amount) desc"""
for row in database.execute(query):
    print(*row)
