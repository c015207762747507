// SPDX-License-Identifier: GPL-2.0
/// Raw reads of another task's ->nsproxy, which by the access rules in
/// include/linux/nsproxy.h needs task_nsproxy() under rcu_read_lock(), or
/// get_task_nsproxy(); and stores that do not order what they publish.  No x86
/// shows by execution that a barrier is missing.
///
//  By itself: spatch --sp-file task_nsproxy.cocci --very-quiet FILE...
//
//  Every X->nsproxy counts, whether or not the type of X can be told without
//  the headers, but for the cases below, each of which says why.
//
// Confidence: High
// Keywords: nsproxy, task_nsproxy, RCU

virtual report

// The member of struct nsset: a nsproxy under construction, no task has it yet.
@nsset@
struct nsset *set;
position p;
@@
set->nsproxy@p

// Rule 2: current reads its own without any precautions ...
@own@
symbol current;
position p;
@@
current->nsproxy@p

// ... and by a variable too, as long as nothing else is ever assigned to it.
@variable@
identifier f, x;
@@
f(...) { <+...
(
struct task_struct *x = current;
|
x = current
)
...+> }

@reassigned@
identifier variable.f, variable.x;
expression E != current;
@@
f(...) { <+... x = E ...+> }

@alias depends on !reassigned@
identifier variable.f, variable.x;
position p;
@@
f(...) { <+... x->nsproxy@p ...+> }

// The child that copy_process() makes, which nobody else can find yet.
@child exists@
local idexpression x;
expression E;
position p;
@@
x = dup_task_struct(...)
... when != x = E
    when any
x->nsproxy@p

// Functions that get current, or a child which does not run yet, as a
// parameter; no other task in these functions is excused:
//  - switch_task_namespaces() is the only writer;
//  - copy_namespaces() and create_new_namespaces() make the nsproxy of a child
//    that nobody else can find yet, or read current's;
//  - cgroup_post_fork(): the child can be found, but does not run yet, and only
//    itself could change its pointer;
//  - exit_sem() is for current. copy_process() hands it a failed child, but
//    then returns early: the parent holds the undo list as well.
@passed@
identifier f =~ "^(switch_task_namespaces|copy_namespaces|create_new_namespaces|cgroup_post_fork|exit_sem)$";
identifier t;
position p;
@@
f(..., struct task_struct *t, ...) { <+... t->nsproxy@p ...+> }

// The accessor, with what orders its load.
@accessor@
expression E;
position p;
@@
task_nsproxy(...) { <+... rcu_dereference(<+... &E->nsproxy@p ...+>) ...+> }

@raw@
attribute name __free;
iterator name scoped_guard;
expression E;
position p != { nsset.p, own.p, alias.p, child.p, passed.p, accessor.p };
@@
\( E->nsproxy@p \| (*E).nsproxy@p \)

@script:python@
p << raw.p;
@@
coccilib.report.print_report(p[0], "raw read of another task's ->nsproxy: use task_nsproxy() under rcu_read_lock()")

// A child that does not run yet gets its first one, and nobody can find it.
@first@
identifier t;
expression E;
position p;
@@
copy_namespaces(..., struct task_struct *t, ...) { <+... t->nsproxy@p = E ...+> }

@store@
expression T, E;
position p != { nsset.p, first.p };
@@
(
T->nsproxy@p = E
|
WRITE_ONCE(T->nsproxy@p, E)
)

// NULL publishes nothing, so nothing has to be there before.
@unordered@
expression T;
expression E != NULL;
position p;
@@
RCU_INIT_POINTER(<+... &T->nsproxy@p ...+>, E)

@script:python@
p << store.p;
@@
coccilib.report.print_report(p[0], "unordered store to ->nsproxy: use rcu_assign_pointer()")

@script:python@
p << unordered.p;
@@
coccilib.report.print_report(p[0], "unordered store to ->nsproxy: use rcu_assign_pointer()")
