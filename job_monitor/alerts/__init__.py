"""Rules are evaluated, incidents written down, notices sent. Their words, from what is seen to what somebody reads:

rule: what is looked for, with a threshold and a severity; a row of Job Alert Rule.
sighting: one subject (a queue, a method, a schedule) that is over the rule's threshold now.
incident: one subject of one rule, from its first sighting to its last: pending, firing, resolved.
alert: an incident as it is kept, a row of Job Alert.
transition: an incident before and after an evaluation, and the notice that this asks for.
flip: a transition that changes the state or sends a notice, or what somebody did to the alert; a row in the alert's table.
notice: why somebody is told: firing, reminder, resolved. It waits in its flip until it is sent.
message: what is sent: one notice, or several of a rule that changed together, worded for readers.
delivery: a message on one channel, and its outcome; its id stays the same when it is sent again.
channel: where messages go: e-mail, a webhook, Desk; a row of Job Alert Channel.
"""
